-- recommendations_by_popularity: one row per share of the most popular tracks: their share of recommendations.
-- share_from_neighbors: their share of the recommendations from neighbors alone, without those that fill lists.
-- share_of_listening: their share of all listening time in the logs.
with
recommended as (
    select
        track,
        count(*) as recommendations,
        count(*) filter (where source = 'neighbors') as from_neighbors
    from recommendations
    group by track
),

summed as (
    select
        tracks.popularity_rank,
        count(*) over () as all_tracks,
        sum(coalesce(recommended.recommendations, 0)) over ranked as recommendations,
        sum(coalesce(recommended.recommendations, 0)) over () as all_recommendations,
        sum(coalesce(recommended.from_neighbors, 0)) over ranked as from_neighbors,
        sum(coalesce(recommended.from_neighbors, 0)) over () as all_from_neighbors,
        -- decimals, so that the sums are exact whatever the order
        sum(cast(tracks.total_time as decimal(38, 20))) over ranked as listening_time,
        sum(cast(tracks.total_time as decimal(38, 20))) over () as all_listening_time
    from tracks
    left join recommended on tracks.track = recommended.track
    where tracks.popularity_rank is not null
    window ranked as (order by tracks.popularity_rank)
),

-- up to 1 % in steps of 0.1 %, up to 10 % in steps of 1 %, up to 100 % in steps of 5 %
thousandths as (
    select unnest(range(1, 10)) as thousandth
    union all
    select unnest(range(10, 100, 10)) as thousandth
    union all
    select unnest(range(100, 1001, 50)) as thousandth
),

track_counts as (
    select distinct cast(ceil(counted.tracks * thousandths.thousandth / 1000) as bigint) as tracks
    from thousandths
    cross join (
        select count(*) as tracks
        from summed
    ) as counted
)

select
    track_counts.tracks,
    track_counts.tracks / summed.all_tracks as share_of_tracks,
    summed.recommendations / nullif(summed.all_recommendations, 0) as share_of_recommendations,
    summed.from_neighbors / nullif(summed.all_from_neighbors, 0) as share_from_neighbors,
    cast(summed.listening_time as double)
    / nullif(cast(summed.all_listening_time as double), 0) as share_of_listening
from track_counts
inner join summed on track_counts.tracks = summed.popularity_rank
order by track_counts.tracks;
