-- build_age: one row: how long ago the build began, in days; not checked without a threshold.
-- variable checked_at: the moment of the check, UTC.
-- variable max_build_age: the greatest age that is healthy, in days.
with
measured as (
    select
        started_at,
        (epoch(cast(getvariable('checked_at') as timestamp)) - epoch(started_at)) / 86400
            as figure,
        cast(getvariable('max_build_age') as double) as threshold
    from build
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        'the build began {:.2f} days ago, at {} UTC; ',
        figure,
        strftime(started_at, '%Y-%m-%d %H:%M')
    ) || case
        when threshold is null then 'no age is given that is healthy'
        else format('at most {:.2f} is healthy', threshold)
    end as sentence
from measured;
