-- similarity_distribution: one row per fiftieth of similarity (0 to 1): how many stored neighbors fall in it.
-- nearest_neighbors: how many of them are the most similar neighbor of a user.
with
parts as (
    select unnest(range(50)) as part
),

counted as (
    select
        -- 1e-9: a product that rounding leaves just below a whole number counts as that number
        cast(least(floor(similarity * 50 + 1e-9), 49) as bigint) as part,
        count(*) as neighbors,
        count(*) filter (where rank = 1) as nearest_neighbors
    from neighbors
    group by part
)

select
    parts.part / 50 as from_similarity,
    (parts.part + 1) / 50 as to_similarity,
    coalesce(counted.neighbors, 0) as neighbors,
    coalesce(counted.nearest_neighbors, 0) as nearest_neighbors
from parts
left join counted on parts.part = counted.part
order by parts.part;
