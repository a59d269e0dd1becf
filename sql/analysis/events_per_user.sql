-- events_per_user: one row per number of events that users have, the smallest first.
-- The shares are of the users with at most so many events, and of the events of these users.
with
counted as (
    select
        events,
        count(*) as users
    from users
    group by events
)

select
    events,
    users,
    sum(users) over (order by events) / sum(users) over () as share_of_users,
    sum(events * users) over (order by events) / sum(events * users) over () as share_of_events
from counted
order by events;
