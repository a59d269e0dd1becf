-- plays_add_up: one row if the plays of the interactions, users or tracks do not add up to the events.
with
totals as (
    select
        (select count(*) from events) as events,
        (select sum(plays) from interactions) as plays_of_interactions,
        (select sum(events) from users) as events_of_users,
        (select sum(plays) from tracks) as plays_of_tracks
)

select
    events,
    plays_of_interactions,
    events_of_users,
    plays_of_tracks
from totals
where
    events <> plays_of_interactions
    or events <> events_of_users
    or events <> plays_of_tracks;
