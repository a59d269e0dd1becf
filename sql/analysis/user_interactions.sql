-- user_interactions: one row per track that a user liked or disliked, by centered time.
-- Tracks with a centered time of 0 say nothing about the taste, and are left out.
-- variable user: the user.
-- variable k: tracks at most, those farthest from 0 (default all).
with
ranked as (
    select
        interactions.centered_time,
        interactions.track,
        interactions.plays,
        interactions.mean_time,
        tracks.artist,
        tracks.title,
        tracks.genre,
        tracks.pop,
        row_number() over (
            order by abs(interactions.centered_time) desc, interactions.track asc
        ) as place
    from interactions
    inner join tracks on interactions.track = tracks.track
    where interactions."user" = getvariable('user') and interactions.centered_time <> 0
)

select
    centered_time,
    track,
    plays,
    mean_time,
    artist,
    title,
    genre,
    pop
from ranked
where place <= coalesce(cast(getvariable('k') as bigint), place)
order by centered_time desc, track asc;
