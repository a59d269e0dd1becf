-- coverage_curve: one row per length of the lists: how many tracks somebody gets when lists end there.
with
first_places as (
    select
        track,
        min(rank) as first_rank
    from recommendations
    group by track
),

ranks as (
    select distinct rank
    from recommendations
),

new_tracks as (
    select
        first_rank,
        count(*) as tracks
    from first_places
    group by first_rank
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
    left join new_tracks on ranks.rank = new_tracks.first_rank
)

select
    summed.list_length,
    summed.tracks,
    summed.tracks / all_tracks.tracks as share_of_tracks
from summed
cross join all_tracks
order by summed.list_length;
