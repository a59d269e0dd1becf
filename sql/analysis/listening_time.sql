-- listening_time: one row per twentieth of a track: how many plays ended in it.
with
parts as (
    select unnest(range(20)) as part
),

plays as (
    select
        -- a hair more, since 0.55 * 20 may come out under 11; a whole track ends in the last part
        cast(least(floor(time * 20 + 1e-9), 19) as bigint) as part,
        count(*) as events
    from events
    group by all
)

select
    parts.part / 20 as from_time,
    (parts.part + 1) / 20 as to_time,
    coalesce(plays.events, 0) as events,
    coalesce(plays.events, 0) / sum(plays.events) over () as share_of_events
from parts
left join plays on parts.part = plays.part
order by parts.part;
