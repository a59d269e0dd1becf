-- users_fall: one row: by which share the number of users fell since another build; negative if it rose.
-- The two databases are attached as old and new.
-- variable against: the name of the old one.
-- variable max_users_fall: the greatest share that is healthy.
with
measured as (
    select
        old_build.users as before,
        new_build.users as after,
        (old_build.users - new_build.users) / old_build.users as figure,
        cast(getvariable('max_users_fall') as double) as threshold
    from old.build as old_build
    cross join new.build as new_build
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        '{:,} users after {:,} in {} ({:+.1f} %); a fall by at most {:.3g} % is healthy',
        after,
        before,
        getvariable('against'),
        -100 * figure,
        100 * threshold
    ) as sentence
from measured;
