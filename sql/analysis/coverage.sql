-- coverage: one row per range of ranks (1 to 10, all): how many tracks are recommended to at least one user.
-- tracks: all tracks in the logs; share: recommended_tracks divided by tracks.
with
track_counts as (
    select count(*) as tracks
    from tracks
    where popularity_rank is not null
),

recommended as (
    select
        track,
        min(rank) as best_rank
    from recommendations
    group by track
),

recommended_counts as (
    select
        count(*) as all_ranks,
        count(*) filter (where best_rank <= 10) as ranks_to_10
    from recommended
)

select
    ranges.ranks,
    ranges.recommended_tracks,
    track_counts.tracks,
    ranges.recommended_tracks / track_counts.tracks as share
from track_counts
cross join recommended_counts
cross join lateral (
    values
    ('1 to 10', recommended_counts.ranks_to_10),
    ('all', recommended_counts.all_ranks)
) as ranges (ranks, recommended_tracks)
order by ranges.ranks;
