-- {{ target }}: one row per event, with its part: random events of each user are the test part.
-- They are the share test_share of the user's events, rounded down, those with the smallest hashes of the
-- event and the seed: the order of the rows does not matter.
create or replace table {{ target }} as
with
hashed as (
    select
        *,
        md5(
            concat_ws(' ', getvariable('seed'), 'split', "user", track, timestamp, time, message)
        ) as event_hash
    from {{ source }}
),

ranked as (
    select
        *,
        row_number() over (partition by "user" order by event_hash) as rank,
        count(*) over (partition by "user") as events
    from hashed
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
        when rank <= events * cast(getvariable('test_share') as double) + 1e-9 then 'test'
        else 'training'
    end as part
from ranked
order by "user", timestamp, track, time, file;
