-- track_ranks: one row per ten ranks: how many users have a track at one of these ranks.
-- variable track: the track.
with
tens as (
    select
        10 * ((rank - 1) // 10) as tens,
        count(*) as users
    from recommendations
    where track = getvariable('track')
    group by tens
)

select
    tens + 1 as from_rank,
    tens + 10 as to_rank,
    users
from tens
order by from_rank;
