-- tracks_are_unique: one row per track that has several rows, or is in the events but has none.
select
    coalesce(tracks.track, events_tracks.track) as track,
    count(*) as copies
from tracks
full outer join (select distinct track from events) as events_tracks
    on tracks.track = events_tracks.track
group by coalesce(tracks.track, events_tracks.track)
having count(*) > 1 or count(tracks.track) = 0;
