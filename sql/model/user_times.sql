-- user_times: one row per user: its events, tracks and mean time over all events.
-- user_index: the position of the user in ascending order of the ids, from 0.
create temp table user_times as
select
    cast(row_number() over (order by "user") as bigint) - 1 as user_index,
    "user",
    cast(sum(plays) as bigint) as events,
    count(*) as tracks,
    cast(sum(total_time) as double) / cast(sum(plays) as double) as mean_time
from plays
group by "user";
