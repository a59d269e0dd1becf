-- heard_share: one row per group of ranks (1 to 10, 11 to 100, ...): how many were heard before.
-- heard: recommendations of a track that the user has in the logs; heard_share: of the group.
with
grouped as (
    select
        rank,
        heard,
        -- ranks with as many digits, counted from 0
        length(cast(rank - 1 as varchar)) as rank_group
    from recommendations
)

select
    min(rank) as first_rank,
    max(rank) as last_rank,
    count(*) as recommendations,
    count(*) filter (where heard) as heard,
    count(*) filter (where heard) / count(*) as heard_share
from grouped
group by rank_group
order by first_rank;
