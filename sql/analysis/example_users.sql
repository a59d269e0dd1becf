-- example_users: one row per kind of user (heavy, typical, cold): an example. Kinds may share a user.
-- heavy: the most events; typical: nearest to the median number of events, then of tracks with a positive
-- score; cold: the fewest tracks with a positive score, then the fewest events.
with
medians as (
    select
        quantile_disc(events, 0.5) as events,
        quantile_disc(positive_scores, 0.5) as positive_scores
    from users
),

ranked as (
    select
        users."user",
        users.events,
        users.tracks,
        users.mean_time,
        users.positive_neighbors,
        users.negative_neighbors,
        users.positive_scores,
        row_number() over (order by users.events desc, users."user" asc) as heavy_rank,
        row_number() over (
            order by
                abs(users.events - medians.events),
                abs(users.positive_scores - medians.positive_scores),
                users."user"
        ) as typical_rank,
        row_number() over (
            order by users.positive_scores, users.events, users."user"
        ) as cold_rank
    from users
    cross join medians
),

kinds as (
    select unnest(['heavy', 'typical', 'cold']) as kind
)

select
    kinds.kind,
    ranked."user",
    ranked.events,
    ranked.tracks,
    scaled_time(ranked.mean_time) as mean_time,
    ranked.positive_neighbors,
    ranked.negative_neighbors,
    ranked.positive_scores
from kinds
inner join ranked
    on
        (kinds.kind = 'heavy' and ranked.heavy_rank = 1)
        or (kinds.kind = 'typical' and ranked.typical_rank = 1)
        or (kinds.kind = 'cold' and ranked.cold_rank = 1)
order by
    kinds.kind = 'heavy' desc,
    kinds.kind = 'typical' desc;
