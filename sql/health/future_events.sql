-- future_events: one row: the share of the events dated more than a day after the build began.
-- A day: logs in local time are ahead of UTC by less.
-- variable max_future_events: the greatest share that is healthy.
with
counted as (
    select
        count(*) as events,
        count(*) filter (where events.timestamp > build.started_at + interval 1 day) as future
    from events
    cross join build
),

measured as (
    select
        events,
        future,
        coalesce(future / nullif(events, 0), 0) as figure,
        cast(getvariable('max_future_events') as double) as threshold
    from counted
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        '{:,} of {:,} events ({:.3g} %) are dated more than a day after the build began; '
        || 'at most {:.3g} % is healthy',
        future,
        events,
        100 * figure,
        100 * threshold
    ) as sentence
from measured;
