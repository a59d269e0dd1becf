-- tracks: one row per track in the logs or the catalog, the most popular first.
-- popularity_rank and bias exist for the tracks of the logs alone; bias with a baseline only.
create table tracks as
select
    coalesce(track_times.track, catalog.track) as track,
    catalog.* exclude (track),
    coalesce(track_times.plays, 0) as plays,
    coalesce(track_times.listeners, 0) as listeners,
    coalesce(track_times.total_time, 0.0) as total_time,
    track_times.popularity_rank,
    {% if baseline %}track_biases.bias{% else %}cast(null as double) as bias{% endif %},
    catalog.track is not null as in_catalog
from track_times
full outer join catalog on track_times.track = catalog.track
{% if baseline %}
left join track_biases on track_times.popularity_rank - 1 = track_biases.track_index
{% endif %}
order by track_times.popularity_rank asc nulls last, track asc;
