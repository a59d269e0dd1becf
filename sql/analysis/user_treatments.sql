-- user_treatments: one row per experiment and treatment that a user was seen under, by name.
-- first_event, last_event: the times of the first and the last event under it, UTC.
-- variable user: the user.
with
entries as (
    select
        timestamp,
        unnest(map_entries(experiments)) as entry
    from events
    where "user" = getvariable('user')
)

select
    entry.key as experiment,
    entry.value as treatment,
    count(*) as events,
    min(timestamp) as first_event,
    max(timestamp) as last_event
from entries
group by entry.key, entry.value
order by experiment, treatment;
