-- similar_users: one row per user similar to a user, the most similar first.
-- The database keeps the 50 most similar of each user.
-- common_track_ids: what both have heard, what the user liked best first; so common_titles.
-- variable user: to whom.
-- variable k: users at most (default 20).
with
similar_ones as (
    select
        rank,
        neighbor,
        similarity,
        common_tracks
    from neighbors
    where
        "user" = getvariable('user')
        and rank <= coalesce(cast(getvariable('k') as bigint), 20)
),

common as (
    select
        theirs."user" as neighbor,
        list(theirs.track order by own.centered_time desc, theirs.track asc) as common_track_ids,
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
    similar_ones.common_tracks,
    users.events,
    users.tracks,
    users.mean_time,
    common.common_track_ids,
    common.common_titles
from similar_ones
inner join users on similar_ones.neighbor = users."user"
inner join common on similar_ones.neighbor = common.neighbor
order by similar_ones.rank asc;
