-- coverage_curve: one row per list length: how many tracks at least one user gets in a list of that length.
-- share_of_tracks: of all tracks in the logs.
with
best_ranks as (
    select
        track,
        min(rank) as best_rank
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

all_tracks as (
    select count(*) as tracks
    from tracks
    where popularity_rank is not null
),

summed as (
    select
        ranks.rank as list_length,
        cast(sum(coalesce(new_tracks.tracks, 0)) over (order by ranks.rank) as bigint) as tracks
    from ranks
    left join new_tracks on ranks.rank = new_tracks.best_rank
)

select
    summed.list_length,
    summed.tracks,
    summed.tracks / all_tracks.tracks as share_of_tracks
from summed
cross join all_tracks
order by summed.list_length;
