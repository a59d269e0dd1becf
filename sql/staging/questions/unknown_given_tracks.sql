-- unknown_given_tracks: one row: how many different ids of the file of {{ table }} are not tracks of the logs.
select count(distinct id_text) as unknown_tracks
from {{ table }}
where id_text not in (select cast(track as varchar) from track_times);
