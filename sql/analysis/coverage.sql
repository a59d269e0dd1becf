-- coverage: one row per range of ranks (1 to 10, all): how many tracks are recommended to at least one user.
-- tracks: all tracks in the logs; share: recommended_tracks divided by tracks. from_neighbors: tracks that
-- neighbors bring into a list, which the popular tracks that fill lists are not; share_from_neighbors likewise.
with
track_counts as (
    select count(*) as tracks
    from tracks
    where popularity_rank is not null
),

recommended as (
    select
        track,
        min(rank) as best_rank,
        min(rank) filter (where source = 'neighbors') as best_rank_from_neighbors
    from recommendations
    group by track
),

recommended_counts as (
    select
        count(*) as all_ranks,
        count(*) filter (where best_rank <= 10) as ranks_to_10,
        count(best_rank_from_neighbors) as all_from_neighbors,
        count(*) filter (where best_rank_from_neighbors <= 10) as from_neighbors_to_10
    from recommended
)

select
    ranges.ranks,
    ranges.recommended_tracks,
    track_counts.tracks,
    ranges.recommended_tracks / track_counts.tracks as share,
    ranges.from_neighbors,
    ranges.from_neighbors / track_counts.tracks as share_from_neighbors
from track_counts
cross join recommended_counts
cross join lateral (
    values
    ('1 to 10', recommended_counts.ranks_to_10, recommended_counts.from_neighbors_to_10),
    ('all', recommended_counts.all_ranks, recommended_counts.all_from_neighbors)
) as ranges (ranks, recommended_tracks, from_neighbors)
order by ranges.ranks;
