-- One row per track that the person heard: how often, for how long in all, and the track's bias.
select
    cast(track_index as integer) as track_index,
    count(*) as plays,
    cast(sum(cast(cast(time as varchar) as decimal(38, 20))) as double) as total_time,
    any_value(bias) as bias
from history
group by track_index
order by track_index;
