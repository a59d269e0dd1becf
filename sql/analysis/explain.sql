-- explain: one row per neighbor that contributes to the score of a track for a user.
-- score(u, t) = sum over the other users v of w(u, v) * h(v, t): contribution is one term of it,
-- similarity its w(u, v), centered_time its h(v, t). The greatest contributions first.
-- common_tracks: what both have heard, the tracks that count most in the similarity first.
-- variable user: the user.
-- variable track: the track, recommended or not.
with
own as (
    select
        track,
        centered_time
    from interactions
    where "user" = getvariable('user')
),

listeners as (
    select
        interactions."user" as neighbor,
        interactions.centered_time,
        users.norm
    from interactions
    inner join users on interactions."user" = users."user"
    where
        interactions.track = getvariable('track')
        and interactions."user" <> getvariable('user')
        and interactions.centered_time <> 0
),

products as (
    select
        listeners.neighbor,
        theirs.track,
        nullif(concat_ws(' - ', tracks.artist, tracks.title), '') as title,
        own.centered_time * theirs.centered_time as product
    from interactions as theirs
    inner join own on theirs.track = own.track
    inner join listeners on theirs."user" = listeners.neighbor
    inner join tracks on theirs.track = tracks.track
),

similarities as (
    select
        products.neighbor,
        -- in one order, so that the last digits are always the same
        sum(products.product order by products.track)
        / (any_value(users.norm) * any_value(listeners.norm)) as similarity,
        list(products.track order by abs(products.product) desc, products.track asc)
            as common_tracks,
        list(products.title order by abs(products.product) desc, products.track asc)
            as common_titles,
        any_value(listeners.centered_time) as centered_time
    from products
    inner join listeners on products.neighbor = listeners.neighbor
    inner join users on users."user" = getvariable('user')
    where users.norm > 0
    group by products.neighbor
)

select
    neighbor,
    similarity,
    common_tracks,
    common_titles,
    centered_time,
    similarity * centered_time as contribution
from similarities
where abs(similarity) >= 1e-12
order by abs(similarity * centered_time) desc, neighbor asc;
