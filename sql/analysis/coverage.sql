-- coverage: one row per part of the lists (ranks 1 to 10, all ranks): tracks recommended to anyone.
-- tracks: all tracks of the logs; share: of these, those recommended to at least one user.
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
    parts.ranks,
    parts.recommended_tracks,
    track_counts.tracks,
    parts.recommended_tracks / track_counts.tracks as share
from track_counts
cross join recommended_counts
cross join lateral (
    values
    ('1 to 10', recommended_counts.ranks_to_10),
    ('all', recommended_counts.all_ranks)
) as parts (ranks, recommended_tracks)
order by parts.ranks;
