-- time_change: one row: by which share the mean time of an event changed, up or down, since another build.
-- Not checked if it was 0. The sums are of decimals, exact in any order.
-- The two databases are attached as old and new.
-- variable against: the name of the old one.
-- variable max_time_change: the greatest share that is healthy.
with
old_mean as (
    select cast(sum(total_time) as double) / sum(plays) as time
    from old.tracks
),

new_mean as (
    select cast(sum(total_time) as double) / sum(plays) as time
    from new.tracks
),

measured as (
    select
        old_mean.time as before,
        new_mean.time as after,
        abs(new_mean.time - old_mean.time) / nullif(old_mean.time, 0) as figure,
        cast(getvariable('max_time_change') as double) as threshold
    from old_mean
    cross join new_mean
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    case
        when figure is null then format('the mean time of an event was 0 in {}', getvariable('against'))
        else format(
            'the mean time of an event is {:.3g} after {:.3g} in {} ({:+.1f} %); '
            || 'a change by at most {:.3g} % is healthy',
            after,
            before,
            getvariable('against'),
            100 * (after - before) / before,
            100 * threshold
        )
    end as sentence
from measured;
