-- some_recommendable_track: one row if a track of the logs may be recommended: the most popular such track.
select track
from recommendable_tracks
where track_index is not null
order by track_index
limit 1;
