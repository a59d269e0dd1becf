-- events_fall: one row: by which share the number of events fell since another build; negative if it rose.
-- The two databases are attached as old and new.
-- variable against: the name of the old one.
-- variable max_events_fall: the greatest share that is healthy.
with
measured as (
    select
        old_build.accepted as before,
        new_build.accepted as after,
        (old_build.accepted - new_build.accepted) / old_build.accepted as figure,
        cast(getvariable('max_events_fall') as double) as threshold
    from old.build as old_build
    cross join new.build as new_build
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        '{:,} events after {:,} in {} ({:+.1f} %); a fall by at most {:.3g} % is healthy',
        after,
        before,
        getvariable('against'),
        -100 * figure,
        100 * threshold
    ) as sentence
from measured;
