-- user_times: one row per user: the mean time over all its events, and its place in ascending order (from 0).
create temp table user_times as
select
    row_number() over (order by "user") - 1 as user_index,
    "user",
    cast(sum(plays) as bigint) as events,
    count(*) as tracks,
    cast(sum(total_time) as double) / cast(sum(plays) as double) as mean_time
from plays
group by "user";
