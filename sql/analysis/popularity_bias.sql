-- popularity_bias: one row per thing counted over the tracks of the logs: plays, recommendations.
-- top_1_percent: share of the count that goes to the 1 % of the tracks with the most listening
-- time (rounded up to whole tracks); so for 5 and 20 %.
-- gini: 0 when all tracks have the same count, near 1 when one has all: with the n counts x in
-- ascending order, sum over i of (2 i - n - 1) x_i, divided by n times their sum.
-- Shares and gini are null where there is nothing to count.
with
recommended as (
    select
        track,
        count(*) as all_ranks,
        count(*) filter (where rank <= 10) as ranks_to_10
    from recommendations
    group by track
),

counts as (
    select
        tracks.popularity_rank,
        counted.counted,
        counted.number
    from tracks
    left join recommended on tracks.track = recommended.track
    cross join lateral (
        values
        ('plays', tracks.plays),
        ('recommendations', coalesce(recommended.all_ranks, 0)),
        ('recommendations at ranks 1 to 10', coalesce(recommended.ranks_to_10, 0))
    ) as counted (counted, number)
    where tracks.popularity_rank is not null
),

placed as (
    select
        counted,
        number,
        popularity_rank,
        row_number() over (partition by counted order by number) as place,
        count(*) over (partition by counted) as tracks
    from counts
),

sums as (
    select
        counted,
        tracks,
        sum(number) as total,
        sum(number) filter (where popularity_rank <= ceil(0.01 * tracks)) as top_1_percent,
        sum(number) filter (where popularity_rank <= ceil(0.05 * tracks)) as top_5_percent,
        sum(number) filter (where popularity_rank <= ceil(0.20 * tracks)) as top_20_percent,
        sum((2 * place - tracks - 1) * number) as weighted
    from placed
    group by counted, tracks
)

select
    counted,
    tracks,
    cast(total as bigint) as total,
    top_1_percent / nullif(total, 0) as top_1_percent,
    top_5_percent / nullif(total, 0) as top_5_percent,
    top_20_percent / nullif(total, 0) as top_20_percent,
    weighted / nullif(tracks * total, 0) as gini
from sums
order by counted;
