-- {{ target }}: one row per event, with its part: the last events of each user are the test part.
-- They are the share test_share of the user's events, rounded down.
create or replace table {{ target }} as
with
ranked as (
    select
        *,
        row_number() over (
            partition by "user"
            order by timestamp desc, track desc, time desc, message desc
        ) as rank_from_end,
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
        when rank_from_end <= events * cast(getvariable('test_share') as double) + 1e-9
            then 'test'
        else 'training'
    end as part
from ranked
order by "user", timestamp, track, time, file;
