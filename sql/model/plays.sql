-- plays: one row per user and track heard: how often, and for how long in all.
-- Times are added as decimals (to 20 places), so the sums are exact whatever the order of the events.
create temp table plays as
select
    "user",
    track,
    count(*) as plays,
    sum(cast(cast(time as varchar) as decimal(38, 20))) as total_time
from events
group by "user", track;
