-- tracks: one row per track in the logs or the catalog, the most popular first.
-- popularity_rank (1 = the greatest total_time, then the smaller id) exists for the tracks of the logs alone.
create table tracks as
with
track_times as (
    select
        track,
        cast(sum(plays) as bigint) as plays,
        count(*) as listeners,
        sum(total_time) as exact_total_time
    from plays
    group by track
),

ranked as (
    select
        track,
        plays,
        listeners,
        cast(exact_total_time as double) as total_time,
        row_number() over (order by exact_total_time desc, track asc) as popularity_rank
    from track_times
)

select
    coalesce(ranked.track, catalog.track) as track,
    catalog.* exclude (track),
    coalesce(ranked.plays, 0) as plays,
    coalesce(ranked.listeners, 0) as listeners,
    coalesce(ranked.total_time, 0.0) as total_time,
    ranked.popularity_rank,
    catalog.track is not null as in_catalog
from ranked
full outer join catalog on ranked.track = catalog.track
order by ranked.popularity_rank asc nulls last, track asc;
