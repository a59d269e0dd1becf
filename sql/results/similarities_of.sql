-- similarities_of(listener): one row per neighbor of the listener, given by id, the most similar first.
-- weight: the similarity, with the options of the build. Computed from the interactions, so that it also
-- works where the table neighbors was left empty.
-- Adjacent weights that differ by less than 1e-10 are equal; among these the smaller id comes first.
create macro similarities_of(listener) as table
with
model as (
    select
        coalesce(cast(options ->> 'shrinkage' as double), 0.0) as shrinkage,
        coalesce(cast(options ->> 'min_common' as bigint), 0) as min_common,
        coalesce(cast(options ->> 'min_similarity' as double), -2.0) as min_similarity,
        cast(options ->> 'neighbors' as bigint) as neighbors,
        coalesce(options ->> 'similarity', 'full') = 'overlap' as overlap,
        coalesce(cast(options ->> 'track_exponent' as double), 0.0) as track_exponent
    from build
),

own as (
    select
        interactions.track,
        power(tracks.listeners, -model.track_exponent) as factor,
        interactions.counted_time * power(tracks.listeners, -model.track_exponent) as compared
    from interactions
    cross join model
    inner join tracks on interactions.track = tracks.track
    where interactions."user" = listener
),

dot_products as (
    select
        theirs."user" as neighbor,
        count(*) as common_tracks,
        -- in a fixed order, so that the last digits are always the same
        sum(own.compared * (theirs.counted_time * own.factor) order by theirs.track) as product,
        sum(own.compared * own.compared order by theirs.track) as own_square,
        sum(
            (theirs.counted_time * own.factor) * (theirs.counted_time * own.factor)
            order by theirs.track
        ) as their_square
    from interactions as theirs
    inner join own on theirs.track = own.track
    where theirs."user" <> listener
    group by theirs."user"
),

cosines as (
    select
        dot_products.neighbor,
        dot_products.common_tracks,
        dot_products.product / nullif(
            case
                when model.overlap then sqrt(dot_products.own_square * dot_products.their_square)
                else own_user.norm * theirs.norm
            end,
            0.0
        ) as cosine
    from dot_products
    cross join model
    inner join users as theirs on dot_products.neighbor = theirs."user"
    inner join users as own_user on own_user."user" = listener
),

shrunk as (
    select
        cosines.neighbor,
        cosines.common_tracks,
        cosines.cosine
        * (cosines.common_tracks / (cosines.common_tracks + model.shrinkage)) as weight
    from cosines
    cross join model
    where abs(cosines.cosine) >= 1e-12 and cosines.common_tracks >= model.min_common
),

links as (
    select
        shrunk.neighbor,
        shrunk.common_tracks,
        shrunk.weight,
        lag(shrunk.weight) over (order by shrunk.weight desc) - shrunk.weight >= 1e-10
            as starts_chain
    from shrunk
    cross join model
    where shrunk.weight >= model.min_similarity
),

chains as (
    select
        neighbor,
        common_tracks,
        weight,
        count(*) filter (where starts_chain)
            over (order by weight desc rows unbounded preceding) as chain
    from links
),

ranked as (
    select
        neighbor,
        common_tracks,
        weight,
        row_number() over (order by chain, neighbor) as place
    from chains
)

select
    ranked.place,
    ranked.neighbor,
    ranked.weight,
    ranked.common_tracks
from ranked
cross join model
where
    model.neighbors is null
    or (ranked.place <= model.neighbors and ranked.weight > 0)
order by ranked.place;
