-- tracks: one row per track in the logs or the catalog, the most popular first.
-- popularity_rank and bias are null for a track that only the catalog has; bias also without a baseline.
create table tracks as
select
    coalesce(track_times.track, catalog.track) as track,
    catalog.* exclude (track),
    coalesce(track_times.plays, 0) as plays,
    coalesce(track_times.listeners, 0) as listeners,
    coalesce(track_times.total_time, 0.0) as total_time,
    track_times.popularity_rank,
    track_centers.bias,
    catalog.track is not null as in_catalog
from track_times
full outer join catalog on track_times.track = catalog.track
left join track_centers on track_times.popularity_rank = track_centers.popularity_rank
order by track_times.popularity_rank nulls last, track;
