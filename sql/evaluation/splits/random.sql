-- {{ target }}: one row per event, with the part that it is in: events of each user drawn by lot, the
-- share test_share of them, rounded down, are the test part.
-- The lot is a hash of what the event says and of the seed, so that no order of rows matters.
create or replace table {{ target }} as
with
lots as (
    select
        *,
        md5(
            concat_ws(' ', getvariable('seed'), 'split', "user", track, timestamp, time, message)
        ) as lot
    from {{ source }}
),

placed as (
    select
        *,
        row_number() over (partition by "user" order by lot) as place,
        count(*) over (partition by "user") as events
    from lots
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
        when place <= events * cast(getvariable('test_share') as double) + 1e-9 then 'test'
        else 'training'
    end as part
from placed
order by "user", timestamp, track, time, file;
