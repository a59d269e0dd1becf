-- popularity_bias: one row per quantity (plays, recommendations): how unevenly it is spread over the tracks.
-- Recommendations are counted as a whole, and those from neighbors alone: what fills lists is popular by design.
-- top_1_percent: the share that goes to the 1 % of the tracks in the logs with the most listening time
-- (rounded up to whole tracks); likewise for 5 and 20 %.
-- gini: 0 if all tracks have equal counts, near 1 if one track has everything: with the n counts x in ascending
-- order, the sum over i of (2 i - n - 1) x_i, divided by n times the sum of x.
-- Shares and gini are null where all counts are 0.
with
recommended as (
    select
        track,
        count(*) as all_ranks,
        count(*) filter (where rank <= 10) as ranks_to_10,
        count(*) filter (where source = 'neighbors') as all_from_neighbors,
        count(*) filter (where source = 'neighbors' and rank <= 10) as from_neighbors_to_10
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
        ('recommendations at ranks 1 to 10', coalesce(recommended.ranks_to_10, 0)),
        ('recommendations from neighbors', coalesce(recommended.all_from_neighbors, 0)),
        (
            'recommendations from neighbors at ranks 1 to 10',
            coalesce(recommended.from_neighbors_to_10, 0)
        )
    ) as counted (counted, number)
    where tracks.popularity_rank is not null
),

ranked as (
    select
        counted,
        number,
        popularity_rank,
        row_number() over (partition by counted order by number) as rank,
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
        sum((2 * rank - tracks - 1) * number) as weighted
    from ranked
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
