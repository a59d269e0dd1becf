-- {{ target }}: one row per event, with its part: the events after one moment are the test part.
-- The moment, the same for all users, is the earliest by which 1 - test_share of the events were logged.
-- Events without a timestamp are in the training part, and do not count for the moment.
create or replace table {{ target }} as
with
ranked as (
    select
        timestamp,
        row_number() over (order by timestamp) as rank,
        count(*) over () as events
    from {{ source }}
    where timestamp is not null
),

moments as (
    select min(timestamp) as moment
    from ranked
    where rank >= events * (1 - cast(getvariable('test_share') as double))
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
