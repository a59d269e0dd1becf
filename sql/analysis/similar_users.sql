-- similar_users: one row per user similar to a given user, the most similar first.
-- Computed from the interactions, so that it also works where the table neighbors was left empty.
-- similarity: with the options of the build; only users above 0 are listed. Not the weights of a walk.
-- common_track_ids, common_titles: what both have heard, the tracks that the given user liked most first, as ids and
-- as artists and titles, or the id of a track that the catalog lacks.
-- variable user: the given user.
-- variable k: users at most (default 20).
with
own as (
    select
        track,
        counted_time
    from interactions
    where "user" = getvariable('user')
),

similar_ones as (
    select
        place as rank,
        neighbor,
        weight as similarity,
        common_tracks
    from similarities_of(getvariable('user'))
    where weight > 0 and place <= coalesce(cast(getvariable('k') as bigint), 20)
),

common as (
    select
        theirs."user" as neighbor,
        list(theirs.track order by own.counted_time desc, theirs.track asc) as common_track_ids,
        list(
            coalesce(nullif(concat_ws(' - ', tracks.artist, tracks.title), ''), cast(tracks.track as varchar))
            order by own.counted_time desc, theirs.track asc
        ) as common_titles
    from interactions as theirs
    inner join similar_ones on theirs."user" = similar_ones.neighbor
    inner join own on theirs.track = own.track
    inner join tracks on theirs.track = tracks.track
    group by theirs."user"
)

select
    similar_ones.rank,
    similar_ones.neighbor,
    similar_ones.similarity,
    similar_ones.common_tracks,
    users.events,
    users.tracks,
    scaled_time(users.mean_time) as mean_time,
    common.common_track_ids,
    common.common_titles
from similar_ones
inner join users on similar_ones.neighbor = users."user"
inner join common on similar_ones.neighbor = common.neighbor
order by similar_ones.rank;
