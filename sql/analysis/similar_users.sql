-- similar_users: one row per user similar to a user, the most similar first.
-- Computed from the interactions, so it also serves where the table neighbors was left empty.
-- Similarities next to each other that differ by less than 1e-10 are equal: the smaller id goes first.
-- common_track_ids: what both have heard, what the user liked best first; so common_titles.
-- variable user: to whom.
-- variable k: users at most (default 20).
with
own as (
    select
        interactions.track,
        interactions.centered_time,
        users.norm
    from interactions
    inner join users on interactions."user" = users."user"
    where interactions."user" = getvariable('user')
),

shared as (
    select
        theirs."user" as neighbor,
        count(*) as common_tracks,
        -- in one order, so that the last digits are always the same
        sum(own.centered_time * theirs.centered_time order by theirs.track) as product,
        any_value(own.norm) as own_norm
    from interactions as theirs
    inner join own on theirs.track = own.track
    where theirs."user" <> getvariable('user')
    group by theirs."user"
),

cosines as (
    select
        shared.neighbor,
        shared.common_tracks,
        shared.product / (shared.own_norm * users.norm) as similarity
    from shared
    inner join users on shared.neighbor = users."user"
    where shared.product / nullif(shared.own_norm * users.norm, 0) >= 1e-12
),

links as (
    select
        neighbor,
        common_tracks,
        similarity,
        lag(similarity) over (order by similarity desc) - similarity >= 1e-10 as starts_chain
    from cosines
),

chains as (
    select
        neighbor,
        common_tracks,
        similarity,
        count(*) filter (where starts_chain)
            over (order by similarity desc rows unbounded preceding) as chain
    from links
),

ranked as (
    select
        row_number() over (order by chain asc, neighbor asc) as rank,
        neighbor,
        similarity,
        common_tracks
    from chains
),

similar_ones as (
    select
        rank,
        neighbor,
        similarity,
        common_tracks
    from ranked
    where rank <= coalesce(cast(getvariable('k') as bigint), 20)
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
