-- history_plays: one row per track that the new user heard: its plays, their total time, the bias of the track.
select
    cast(track_index as integer) as track_index,
    count(*) as plays,
    cast(sum(cast(cast(time as varchar) as decimal(38, 20))) as double) as total_time,
    any_value(bias) as bias
from history
group by track_index
order by track_index;
