-- {{ target }}: one row per event, with its part: the test part is the events of other logs.
create or replace table {{ target }} as
with
both_parts as (
    select
        *,
        'training' as part
    from {{ source }}
    union all by name
    select
        *,
        'test' as part
    from test_logs
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
    part
from both_parts
order by part desc, "user" asc, timestamp asc, track asc, time asc, file asc;
