-- listening_time: one row per twentieth of a track, or of the scale of ratings: how many plays ended in it.
-- A play from from_time up to, but not including, to_time counts; the last row includes whole tracks.
with
parts as (
    select unnest(range(20)) as part
),

plays as (
    select
        -- 1e-9: a product that rounding leaves just below a whole number counts as that number
        cast(least(floor(time * 20 + 1e-9), 19) as bigint) as part,
        count(*) as events
    from events
    group by part
)

select
    scaled_time(parts.part / 20) as from_time,
    scaled_time((parts.part + 1) / 20) as to_time,
    coalesce(plays.events, 0) as events,
    coalesce(plays.events, 0) / sum(plays.events) over () as share_of_events
from parts
left join plays on parts.part = plays.part
order by parts.part;
