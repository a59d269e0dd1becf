-- events_per_user: one row per number of events that users have, the smallest first: how many users have it.
-- The shares are cumulative: of the users with at most this number of events, and of the events of these users.
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
