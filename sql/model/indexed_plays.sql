-- indexed_plays: one row per user and track heard, with the dense indexes (from 0) of both.
create temp table indexed_plays as
select
    cast(user_times.user_index as integer) as user_index,
    cast(track_times.popularity_rank - 1 as integer) as track_index,
    plays.plays,
    cast(plays.total_time as double) as total_time
from plays
inner join user_times on plays."user" = user_times."user"
inner join track_times on plays.track = track_times.track
order by user_index, track_index;
