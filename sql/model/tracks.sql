-- tracks: one row per track in the logs or the catalog, the most popular first.
-- popularity_rank and bias are null for a track that only the catalog has; bias also without a baseline.
-- catalog_columns: all columns of the catalog but the track, in order.
-- chosen: an option says which tracks may be recommended; else all may.
create table tracks as
select
    coalesce(track_times.track, catalog.track) as track,
    {% for column in catalog_columns %}
    catalog.{{ identifier(column) }},
    {% endfor %}
    coalesce(track_times.plays, 0) as plays,
    coalesce(track_times.listeners, 0) as listeners,
    coalesce(track_times.total_time, 0.0) as total_time,
    track_times.popularity_rank,
    track_centers.bias,
    catalog.track is not null as in_catalog,
    {% if chosen %}recommendable_tracks.track is not null{% else %}true{% endif %} as recommendable
from track_times
full outer join catalog on track_times.track = catalog.track
left join track_centers on track_times.popularity_rank = track_centers.popularity_rank
{% if chosen %}
left join recommendable_tracks
    on coalesce(track_times.track, catalog.track) = recommendable_tracks.track
{% endif %}
order by track_times.popularity_rank nulls last, track;
