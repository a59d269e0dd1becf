-- track_summary: one row: a track in the logs and the catalog.
-- variable track: the track.
select * exclude (bias)
from tracks
where track = getvariable('track');
