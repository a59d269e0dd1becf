-- undated_events: one row: the share of the events without a timestamp; not checked if the logs have none.
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
        counted.events,
        counted.undated,
        build.unread_timestamp,
        counted.undated < counted.events or build.unread_timestamp is not null as is_checked,
        coalesce(counted.undated / nullif(counted.events, 0), 0) as figure,
        cast(getvariable('max_undated_events') as double) as threshold
    from counted
    cross join build
)

select
    figure,
    threshold,
    case when is_checked then figure <= threshold end as healthy,
    case
        when is_checked
            then format(
                '{:,} of {:,} events ({:.3g} %) have no timestamp{}; at most {:.3g} % is healthy',
                undated,
                events,
                100 * figure,
                coalesce(', or one that is not read, such as ' || unread_timestamp, ''),
                100 * threshold
            )
        else 'no event has a timestamp'
    end as sentence
from measured;
