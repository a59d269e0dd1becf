-- listening_by_hour: one row per hour of the day (0 to 23, UTC): its events, listeners and listening time.
-- total_time: in tracks. Times are added as decimals, so that the sums are exact whatever the order.
with
hours as (
    select unnest(range(24)) as hour
),

hour_events as (
    select
        hour(timestamp) as hour,
        count(*) as events,
        count(distinct "user") as users,
        sum(cast(cast(time as varchar) as decimal(38, 20))) as total_time
    from events
    group by hour(timestamp)
)

select
    hours.hour,
    coalesce(hour_events.events, 0) as events,
    coalesce(hour_events.users, 0) as users,
    coalesce(cast(hour_events.total_time as double), 0.0) as total_time
from hours
left join hour_events on hours.hour = hour_events.hour
order by hours.hour;
