-- user_share: one row: the greatest share of the events that one user has.
-- variable max_user_share: the greatest share that is healthy.
with
counted as (
    select
        cast(sum(events) as bigint) as events,
        cast(max(events) as bigint) as most,
        first(cast("user" as varchar) order by events desc, "user" asc) as id
    from users
),

measured as (
    select
        id,
        most,
        events,
        coalesce(most / nullif(events, 0), 0) as figure,
        cast(getvariable('max_user_share') as double) as threshold
    from counted
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        'user {} has {:,} of {:,} events ({:.3g} %); at most {:.3g} % is healthy',
        left(id, 100),
        most,
        events,
        100 * figure,
        100 * threshold
    ) as sentence
from measured;
