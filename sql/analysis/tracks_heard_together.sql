-- tracks_heard_together: one row per track that shares listeners with a track, the most similar first.
-- common_listeners: users who heard both. similarity: their number divided by the geometric mean of both audiences, 0 to 1.
-- variable track: the track.
-- variable k: tracks at most (default 20).
with
audience as (
    select "user"
    from interactions
    where track = getvariable('track')
),

shared as (
    select
        interactions.track,
        count(*) as common_listeners
    from interactions
    inner join audience on interactions."user" = audience."user"
    where interactions.track <> getvariable('track')
    group by interactions.track
),

ranked as (
    select
        tracks.track,
        tracks.artist,
        tracks.title,
        tracks.listeners,
        tracks.popularity_rank,
        shared.common_listeners,
        shared.common_listeners / sqrt(tracks.listeners * (select count(*) from audience)) as similarity
    from shared
    inner join tracks on shared.track = tracks.track
)

select
    track,
    artist,
    title,
    listeners,
    common_listeners,
    similarity
from ranked
order by
    similarity desc,
    common_listeners desc,
    popularity_rank asc
limit (select coalesce(cast(getvariable('k') as bigint), 20));
