-- track_times: one row per track in the logs: its plays, listeners, total time and popularity rank.
-- popularity_rank: by total time, the greatest first, then by id; from 1. The sums of times are exact.
create temp table track_times as
with
sums as (
    select
        track,
        cast(sum(plays) as bigint) as plays,
        count(*) as listeners,
        sum(total_time) as exact_total_time
    from plays
    group by track
)

select
    track,
    plays,
    listeners,
    cast(exact_total_time as double) as total_time,
    cast(row_number() over (order by exact_total_time desc, track asc) as bigint) as popularity_rank
from sums;
