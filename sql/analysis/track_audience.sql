-- track_audience: one row per listener of a track, the one who liked it most first.
-- centered_time is what the user made of the track beside the rest of what the user heard.
-- variable track: whose listeners.
-- variable k: listeners at most (default all).
with
placed as (
    select
        "user",
        plays,
        mean_time,
        centered_time,
        row_number() over (order by centered_time desc, "user" asc) as place
    from interactions
    where track = getvariable('track')
)

select
    "user",
    plays,
    mean_time,
    centered_time
from placed
where place <= coalesce(cast(getvariable('k') as bigint), place)
order by place;
