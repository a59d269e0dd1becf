-- track_audience: one row per listener of a track, the one who liked it most first.
-- centered_time: the user's mean time on the track, less the expected time: above 0, the user liked it.
-- variable track: the track.
-- variable k: listeners at most (default all).
with
ranked as (
    select
        "user",
        plays,
        mean_time,
        centered_time,
        row_number() over (order by centered_time desc, "user" asc) as rank
    from interactions
    where track = getvariable('track')
)

select
    "user",
    plays,
    scaled_time(mean_time) as mean_time,
    scaled_difference(centered_time) as centered_time
from ranked
where rank <= coalesce(cast(getvariable('k') as bigint), rank)
order by rank;
