-- track_share: one row: the greatest share of the events that one track has.
-- variable max_track_share: the greatest share that is healthy.
with
counted as (
    select
        cast(sum(plays) as bigint) as events,
        cast(max(plays) as bigint) as most,
        first(cast(track as varchar) order by plays desc, track asc) as id
    from tracks
),

measured as (
    select
        id,
        most,
        events,
        coalesce(most / nullif(events, 0), 0) as figure,
        cast(getvariable('max_track_share') as double) as threshold
    from counted
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        'track {} has {:,} of {:,} events ({:.3g} %); at most {:.3g} % is healthy',
        left(id, 100),
        most,
        events,
        100 * figure,
        100 * threshold
    ) as sentence
from measured;
