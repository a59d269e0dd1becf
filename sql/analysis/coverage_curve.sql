-- coverage_curve: one row per list length: how many tracks at least one user gets in a list of that length.
-- share_of_tracks: of all tracks in the logs. from_neighbors: tracks that neighbors bring into such a list of
-- at least one user, which the popular tracks that fill lists are not; share_from_neighbors: of all tracks.
with
best_ranks as (
    select
        track,
        min(rank) as best_rank,
        min(rank) filter (where source = 'neighbors') as best_rank_from_neighbors
    from recommendations
    group by track
),

ranks as (
    select distinct rank
    from recommendations
),

new_tracks as (
    select
        best_rank,
        count(*) as tracks
    from best_ranks
    group by best_rank
),

new_from_neighbors as (
    select
        best_rank_from_neighbors,
        count(*) as tracks
    from best_ranks
    group by best_rank_from_neighbors
),

all_tracks as (
    select count(*) as tracks
    from tracks
    where popularity_rank is not null
),

summed as (
    select
        ranks.rank as list_length,
        cast(sum(coalesce(new_tracks.tracks, 0)) over (order by ranks.rank) as bigint) as tracks,
        cast(
            sum(coalesce(new_from_neighbors.tracks, 0)) over (order by ranks.rank) as bigint
        ) as from_neighbors
    from ranks
    left join new_tracks on ranks.rank = new_tracks.best_rank
    left join new_from_neighbors on ranks.rank = new_from_neighbors.best_rank_from_neighbors
)

select
    summed.list_length,
    summed.tracks,
    summed.tracks / all_tracks.tracks as share_of_tracks,
    summed.from_neighbors,
    summed.from_neighbors / all_tracks.tracks as share_from_neighbors
from summed
cross join all_tracks
order by summed.list_length;
