-- track_audience: one row per listener of a track, the one who liked it most first.
-- centered_time is what the user made of the track beside the rest of what the user heard.
-- variable track: whose listeners.
select
    "user",
    plays,
    mean_time,
    centered_time
from interactions
where track = getvariable('track')
order by centered_time desc, "user" asc;
