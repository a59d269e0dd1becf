-- recommendable_tracks: one row per track that may be recommended to the new user: its dense index.
-- Tracks heard that are not in the logs have the indexes after those that are; of these, only tracks of the catalog
-- are known to be allowed.
select cast(popularity_rank - 1 as integer) as track_index
from tracks
where recommendable and popularity_rank is not null
union all
select distinct cast(history.track_index as integer) as track_index
from history
inner join tracks on history.track_text = cast(tracks.track as varchar)
where tracks.recommendable and tracks.popularity_rank is null
order by track_index;
