-- user_interactions: one row per track that a user liked or disliked, the most liked first.
-- Tracks with a centered time of 0 are left out: they say nothing about the user's taste.
-- variable user: the user.
-- variable k: tracks at most, those with the centered times farthest from 0 (default all).
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
        ) as rank
    from interactions
    inner join tracks on interactions.track = tracks.track
    where interactions."user" = getvariable('user') and interactions.centered_time <> 0
)

select
    scaled_difference(centered_time) as centered_time,
    track,
    plays,
    scaled_time(mean_time) as mean_time,
    artist,
    title,
    genre,
    pop
from ranked
where rank <= coalesce(cast(getvariable('k') as bigint), rank)
order by ranked.centered_time desc, track asc;
