-- {{ target }}: one row per event, with its part: the last events of each user are the test part.
-- Events without a timestamp are in the training part: nobody knows whether they are the last.
-- They are the share test_share of the user's events, rounded down.
create or replace table {{ target }} as
with
ranked as (
    select
        *,
        row_number() over (
            partition by "user"
            order by timestamp is null, timestamp desc, track desc, time desc, message desc
        ) as rank_from_end,
        count(timestamp) over (partition by "user") as dated_events
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
        when rank_from_end <= dated_events * cast(getvariable('test_share') as double) + 1e-9
            then 'test'
        else 'training'
    end as part
from ranked
order by "user", timestamp, track, time, file;
