-- {{ target }}: one row per event, with the part that it is in: the last events of each user, the
-- share test_share of them, rounded down, are the test part.
create or replace table {{ target }} as
with
placed as (
    select
        *,
        row_number() over (
            partition by "user"
            order by timestamp desc, track desc, time desc, message desc
        ) as place_from_end,
        count(*) over (partition by "user") as events
    from {{ source }}
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
    case
        when place_from_end <= events * cast(getvariable('test_share') as double) + 1e-9
            then 'test'
        else 'training'
    end as part
from placed
order by "user", timestamp, track, time, file;
