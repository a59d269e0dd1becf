-- undated_events: one row: the share of the events without a timestamp; not checked if no event has one.
-- variable max_undated_events: the greatest share that is healthy.
with
counted as (
    select
        count(*) as events,
        count(*) filter (where timestamp is null) as undated
    from events
),

measured as (
    select
        events,
        undated,
        coalesce(undated / nullif(events, 0), 0) as figure,
        cast(getvariable('max_undated_events') as double) as threshold
    from counted
)

select
    figure,
    threshold,
    case when undated < events then figure <= threshold end as healthy,
    case
        when undated < events
            then format(
                '{:,} of {:,} events ({:.3g} %) have no timestamp; at most {:.3g} % is healthy',
                undated,
                events,
                100 * figure,
                100 * threshold
            )
        else 'no event has a timestamp'
    end as sentence
from measured;
