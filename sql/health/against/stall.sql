-- stall: one row: by how much the newest event was older when the build began than in another build, in days.
-- Where logs go on, it is about 0; where they ended, it is the time between the two builds.
-- Events dated more than a day after a build began do not count. Not checked if the old ones have no timestamps.
-- The two databases are attached as old and new.
-- variable against: the name of the old one.
-- variable max_stall: the greatest number of days that is healthy.
with
old_newest as (
    select
        max(old_build.started_at) as started_at,
        max(old_events.timestamp) as timestamp
    from old.build as old_build
    left join old.events as old_events
        on old_events.timestamp <= old_build.started_at + interval 1 day
),

new_newest as (
    select
        max(new_build.started_at) as started_at,
        max(new_events.timestamp) as timestamp
    from new.build as new_build
    left join new.events as new_events
        on new_events.timestamp <= new_build.started_at + interval 1 day
),

ages as (
    select
        old_newest.timestamp is not null as was_dated,
        new_newest.timestamp is not null as is_dated,
        (epoch(old_newest.started_at) - epoch(old_newest.timestamp)) / 86400 as old_age,
        (epoch(new_newest.started_at) - epoch(new_newest.timestamp)) / 86400 as new_age
    from old_newest
    cross join new_newest
),

measured as (
    select
        was_dated,
        is_dated,
        old_age,
        new_age,
        new_age - old_age as figure,
        cast(getvariable('max_stall') as double) as threshold
    from ages
)

select
    figure,
    threshold,
    case when was_dated then coalesce(figure <= threshold, false) end as healthy,
    case
        when not was_dated then format('no event of {} has a timestamp', getvariable('against'))
        when not is_dated
            then format('no event has a timestamp; those of {} have', getvariable('against'))
        else format(
            'the newest event was {:.2f} days old when the build began, after {:.2f} in {}; '
            || 'at most {:.2f} days more is healthy',
            new_age,
            old_age,
            getvariable('against'),
            threshold
        )
    end as sentence
from measured;
