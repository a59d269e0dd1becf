-- similar_users: one row per similar user of a user, the most similar first.
-- common_titles: what both have heard, by the length of time that the user gave it.
-- variable user: the user.
-- variable k: similar users at most (default all that the database keeps).
with
similar_ones as (
    select
        rank,
        neighbor,
        similarity,
        common_tracks as tracks_in_common
    from neighbors
    where
        "user" = getvariable('user')
        and rank <= coalesce(cast(getvariable('k') as bigint), rank)
),

common as (
    select
        theirs."user" as neighbor,
        list(theirs.track order by own.centered_time desc, theirs.track asc) as common_tracks,
        list(
            nullif(concat_ws(' - ', tracks.artist, tracks.title), '')
            order by own.centered_time desc, theirs.track asc
        ) as common_titles
    from interactions as theirs
    inner join similar_ones on theirs."user" = similar_ones.neighbor
    inner join interactions as own
        on theirs.track = own.track and own."user" = getvariable('user')
    inner join tracks on theirs.track = tracks.track
    group by theirs."user"
)

select
    similar_ones.rank,
    similar_ones.neighbor,
    similar_ones.similarity,
    users.events,
    users.mean_time,
    similar_ones.tracks_in_common,
    common.common_tracks,
    common.common_titles
from similar_ones
inner join users on similar_ones.neighbor = users."user"
inner join common on similar_ones.neighbor = common.neighbor
order by similar_ones.rank;
