-- recommendable_tracks: one row per track in the logs or the catalog that may be recommended, with its dense index.
-- track_index: from 0; null for a track that only the catalog has. Made only where an option says which tracks
-- may be recommended: those of the catalog (catalog_only), those of a file (only_given), or those that are not in
-- another file (without_withdrawn).
create temp table recommendable_tracks as
select
    coalesce(track_times.track, catalog.track) as track,
    cast(track_times.popularity_rank - 1 as integer) as track_index
from track_times
full outer join catalog on track_times.track = catalog.track
where
    {% if catalog_only %}
    catalog.track is not null
    {% else %}
    true
    {% endif %}
    {% if only_given %}
    and cast(coalesce(track_times.track, catalog.track) as string)
    in (select id_text from given_tracks)
    {% endif %}
    {% if without_withdrawn %}
    and cast(coalesce(track_times.track, catalog.track) as string)
    not in (select id_text from withdrawn_tracks)
    {% endif %};
