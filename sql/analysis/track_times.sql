-- track_times: one row per tenth of a track's length: how many events of the track ended in it.
-- from_time and to_time are in the scale of the build. An event from from_time up to, but not including, to_time counts; the last row includes whole plays.
-- variable track: the track.
with
tenths as (
    select tenth
    from range(10) as tenths (tenth)
),

plays as (
    select
        least(cast(floor(time * 10) as bigint), 9) as tenth,
        count(*) as events
    from events
    where track = getvariable('track')
    group by tenth
)

select
    scaled_time(tenths.tenth / 10) as from_time,
    scaled_time((tenths.tenth + 1) / 10) as to_time,
    coalesce(plays.events, 0) as events
from tenths
left join plays on tenths.tenth = plays.tenth
order by tenths.tenth;
