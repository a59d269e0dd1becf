-- example_users: one row per kind of user: a heavy, a typical and a cold one. They may be one user.
-- heavy: the most events; typical: events, then tracks with a positive score, nearest to the medians;
-- cold: the fewest tracks with a positive score, then the fewest events.
with
medians as (
    select
        quantile_disc(events, 0.5) as events,
        quantile_disc(positive_scores, 0.5) as positive_scores
    from users
),

placed as (
    select
        users."user",
        users.events,
        users.tracks,
        users.mean_time,
        users.positive_neighbors,
        users.negative_neighbors,
        users.positive_scores,
        row_number() over (order by users.events desc, users."user" asc) as heavy_place,
        row_number() over (
            order by
                abs(users.events - medians.events),
                abs(users.positive_scores - medians.positive_scores),
                users."user"
        ) as typical_place,
        row_number() over (
            order by users.positive_scores, users.events, users."user"
        ) as cold_place
    from users
    cross join medians
),

kinds as (
    select unnest(['heavy', 'typical', 'cold']) as kind
)

select
    kinds.kind,
    placed."user",
    placed.events,
    placed.tracks,
    placed.mean_time,
    placed.positive_neighbors,
    placed.negative_neighbors,
    placed.positive_scores
from kinds
inner join placed
    on
        (kinds.kind = 'heavy' and placed.heavy_place = 1)
        or (kinds.kind = 'typical' and placed.typical_place = 1)
        or (kinds.kind = 'cold' and placed.cold_place = 1)
order by
    kinds.kind = 'heavy' desc,
    kinds.kind = 'typical' desc;
