-- ids_of_tracks: one row per track in the logs, in the order of the dense indexes.
select track
from tracks
where popularity_rank is not null
order by popularity_rank;
