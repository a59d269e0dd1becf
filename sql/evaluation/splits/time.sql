-- {{ target }}: one row per event, with the part that it is in: split at one moment for all users.
-- The moment is the earliest by which 1 - test_share of the events were logged; what was logged
-- later is the test part.
create or replace table {{ target }} as
with
placed as (
    select
        timestamp,
        row_number() over (order by timestamp) as place,
        count(*) over () as events
    from {{ source }}
),

moments as (
    select min(timestamp) as moment
    from placed
    where place >= events * (1 - cast(getvariable('test_share') as double))
)

select
    file,
    message,
    timestamp,
    "user",
    track,
    time,
    latency,
    recommendation,
    experiments,
    case when timestamp > moments.moment then 'test' else 'training' end as part
from {{ source }}
cross join moments
order by "user", timestamp, track, time, file;
