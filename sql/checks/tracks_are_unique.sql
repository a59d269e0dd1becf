-- A track has one row, and every track of the events has one.
select
    coalesce(tracks.track, events_tracks.track) as track,
    count(*) as copies
from tracks
full outer join (select distinct track from events) as events_tracks
    on tracks.track = events_tracks.track
group by coalesce(tracks.track, events_tracks.track)
having count(*) > 1 or count(tracks.track) = 0;
