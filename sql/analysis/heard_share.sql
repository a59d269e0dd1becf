-- heard_share: one row per range of ranks (1 to 10, 11 to 100, ...): how many recommendations were heard before.
-- heard: recommendations of a track that the user played in the logs; heard_share: their share.
with
grouped as (
    select
        rank,
        heard,
        -- ranks 1 to 10 have one digit when counted from 0, ranks 11 to 100 have two
        length(cast(rank - 1 as varchar)) as digits
    from recommendations
)

select
    min(rank) as first_rank,
    max(rank) as last_rank,
    count(*) as recommendations,
    count(*) filter (where heard) as heard,
    count(*) filter (where heard) / count(*) as heard_share
from grouped
group by digits
order by first_rank;
