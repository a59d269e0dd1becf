-- explain: one row per neighbor that contributes to the score of a track for a user, the greatest first.
-- score(u, t) is the sum of w(u, v) * h(v, t) over the other users v. A row is one term: similarity is w(u, v), which
-- with a walk or a ridge is the weight of v and no similarity; centered_time is h(v, t), here plus the offset of the
-- build, which the column of the same name in interactions lacks; contribution is their product. With a scale
-- (--scale 1:5), centered_time is a difference in it, and contribution the product divided by the length of the
-- scale (4): scores are of times from 0 to 1.
-- In a walk the user may come back to itself, and is one of the rows. If the build has an own liking, a row of the user
-- has it as similarity, and the part of the user's own centered time above 0, without the offset.
-- With a ridge all users have weights. One row without a neighbor, the last, sums up the contributions of those who are
-- not among the 300 with the greatest weights, in magnitude: those that the table weights has. So it does of neighbors
-- beyond the first k.
-- common_tracks: what both have heard, the tracks that contribute most to the similarity first. common_titles: their
-- artists and titles, or the id of a track that the catalog lacks.
-- variable user: the user.
-- variable track: the track, recommended or not.
-- variable k: neighbors at most, those with the greatest contributions (default all).
with
-- once: not for every neighbor
model as materialized (
    select
        coalesce(cast(options ->> 'track_exponent' as double), 0.0) as track_exponent,
        coalesce(options ->> 'similarity', 'full') = 'ridge' as is_ridge,
        cast(options ->> 'own_liking' as double) as own_liking
    from build
),

own as (
    select
        interactions.track,
        interactions.centered_time,
        interactions.counted_time,
        power(tracks.listeners, -2 * model.track_exponent) as factor
    from interactions
    inner join tracks on interactions.track = tracks.track
    cross join model
    where interactions."user" = getvariable('user')
),

counting as (
    select
        weights.neighbor,
        weights.weight,
        model.is_ridge
        and row_number() over (order by abs(weights.weight) desc, weights.neighbor) > 300 as is_rest
    from weights_of(getvariable('user')) as weights
    cross join model
),

contributions as (
    select
        counting.neighbor,
        counting.weight,
        theirs.counted_time,
        counting.is_rest
    from counting
    inner join interactions as theirs on counting.neighbor = theirs."user"
    where theirs.track = getvariable('track') and theirs.counted_time <> 0
    union all
    select
        getvariable('user') as neighbor,
        model.own_liking as weight,
        own.centered_time as counted_time,
        false as is_rest
    from own
    cross join model
    where
        own.track = getvariable('track')
        and own.centered_time > 0
        and model.own_liking > 0
),

placed as (
    select
        neighbor,
        weight,
        counted_time,
        is_rest
        or row_number() over (
            partition by is_rest order by abs(weight * counted_time) desc, neighbor asc
        ) > (select coalesce(cast(getvariable('k') as bigint), count(*)) from contributions)
            as is_rest
    from contributions
),

common as (
    select
        theirs."user" as neighbor,
        list(
            theirs.track
            order by
                abs(own.counted_time * theirs.counted_time) * own.factor desc, theirs.track asc
        ) as common_tracks,
        list(
            coalesce(nullif(concat_ws(' - ', tracks.artist, tracks.title), ''), cast(tracks.track as varchar))
            order by
                abs(own.counted_time * theirs.counted_time) * own.factor desc, theirs.track asc
        ) as common_titles
    from interactions as theirs
    inner join (select distinct neighbor from placed where not is_rest) as contributors
        on theirs."user" = contributors.neighbor
    inner join own on theirs.track = own.track
    inner join tracks on theirs.track = tracks.track
    group by theirs."user"
),

terms as (
    select
        placed.neighbor,
        placed.weight as similarity,
        coalesce(common.common_tracks, []) as common_tracks,
        coalesce(common.common_titles, []) as common_titles,
        scaled_difference(placed.counted_time) as centered_time,
        placed.weight * placed.counted_time as contribution
    from placed
    -- a walk reaches users without a track in common
    left join common on placed.neighbor = common.neighbor
    where not placed.is_rest
    union all
    select
        null as neighbor,
        null as similarity,
        [] as common_tracks,
        [] as common_titles,
        null as centered_time,
        sum(weight * counted_time order by neighbor) as contribution
    from placed
    where is_rest
    having count(*) > 0
)

select
    neighbor,
    similarity,
    common_tracks,
    common_titles,
    centered_time,
    contribution
from terms
order by neighbor is null, abs(contribution) desc, neighbor asc;
