-- explained_recommendations: one row per recommendation of a user and neighbor that contributes to its score.
-- A neighbor contributes its similarity (with a walk or a ridge, its weight, which is no similarity) times its centered
-- time on the track plus the offset of the build, which is the column centered_time here; the score is the sum of all
-- contributions. What the user's own liking adds has the centered time without the offset. With a scale (--scale 1:5), the centered time is a difference in it, and the product is divided by
-- the length of the scale (4): scores are of times from 0 to 1. A track without any contribution has one row, without a neighbor.
-- neighbors: all that contribute to the track; place: of the neighbor among these, from 1.
-- variable user: the user.
-- variable k: neighbors at most for each track (default 5).
with
own as (
    select
        interactions.track,
        interactions.centered_time,
        interactions.counted_time,
        power(
            tracks.listeners, -2 * coalesce(cast(build.options ->> 'track_exponent' as double), 0.0)
        ) as factor
    from interactions
    inner join tracks on interactions.track = tracks.track
    cross join build
    where interactions."user" = getvariable('user')
),

counting as (
    from weights_of(getvariable('user'))
),

common as (
    select
        theirs."user" as neighbor,
        list(
            own.track
            order by
                abs(own.counted_time * theirs.counted_time) * own.factor desc, own.track asc
        ) as tracks_in_common
    from own
    inner join interactions as theirs on own.track = theirs.track
    inner join counting on theirs."user" = counting.neighbor
    group by theirs."user"
),

similarities as (
    select
        counting.neighbor,
        counting.weight as similarity,
        counting.common_tracks,
        common.tracks_in_common
    from counting
    -- a walk reaches users without a track in common
    left join common on counting.neighbor = common.neighbor
),

recommended as (
    select
        rank,
        track,
        score,
        heard,
        source
    from recommendations
    where "user" = getvariable('user')
),

contributions as (
    select
        recommended.track,
        similarities.neighbor,
        similarities.similarity,
        similarities.common_tracks,
        similarities.tracks_in_common[:3] as tracks_in_common,
        theirs.counted_time as centered_time,
        similarities.similarity * theirs.counted_time as contribution
    from recommended
    inner join interactions as theirs on recommended.track = theirs.track
    inner join similarities on theirs."user" = similarities.neighbor
    where theirs.counted_time <> 0
    union all
    -- what the user liked, if the build counts it by itself
    select
        own.track,
        getvariable('user') as neighbor,
        cast(build.options ->> 'own_liking' as double) as similarity,
        (select count(*) from own) as common_tracks,
        (select list(track order by abs(counted_time) desc, track asc) from own)[:3]
            as tracks_in_common,
        own.centered_time,
        cast(build.options ->> 'own_liking' as double) * own.centered_time as contribution
    from recommended
    inner join own on recommended.track = own.track
    cross join build
    where own.centered_time > 0 and cast(build.options ->> 'own_liking' as double) > 0
),

ranked as (
    select
        *,
        row_number() over (
            partition by track order by abs(contribution) desc, neighbor asc, similarity desc
        ) as place,
        count(*) over (partition by track) as neighbors
    from contributions
),

names as (
    select
        ranked.track,
        ranked.place,
        list(
            coalesce(tracks.title, cast(tracks.track as varchar))
            order by list_position(ranked.tracks_in_common, tracks.track)
        ) as common_titles
    from ranked
    inner join tracks on list_contains(ranked.tracks_in_common, tracks.track)
    where ranked.place <= (select coalesce(cast(getvariable('k') as bigint), 5))
    group by ranked.track, ranked.place
)

select
    recommended.rank,
    recommended.track,
    tracks.artist,
    tracks.title,
    tracks.popularity_rank,
    tracks.listeners,
    recommended.score,
    recommended.heard,
    recommended.source,
    coalesce(ranked.neighbors, 0) as neighbors,
    ranked.place,
    ranked.neighbor,
    ranked.similarity,
    ranked.common_tracks,
    ranked.tracks_in_common,
    names.common_titles,
    scaled_difference(ranked.centered_time) as centered_time,
    ranked.contribution
from recommended
inner join tracks on recommended.track = tracks.track
left join ranked
    on
        recommended.track = ranked.track
        and ranked.place <= (select coalesce(cast(getvariable('k') as bigint), 5))
left join names on ranked.track = names.track and ranked.place = names.place
order by recommended.rank, ranked.place;
