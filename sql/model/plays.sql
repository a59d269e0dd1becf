-- plays: one row per user and track heard: the number of plays, and their total time.
-- Times are added as decimals with 20 digits after the point, so that the sums are exact whatever the order.
create temp table plays as
select
    "user",
    track,
    count(*) as plays,
    sum(cast(cast(time as string) as decimal(38, 20))) as total_time
from events
group by "user", track;
