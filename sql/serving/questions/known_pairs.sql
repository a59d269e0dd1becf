-- known_pairs: one row per pair whose user and track are in the logs, by user.
select
    position,
    cast(user_index as integer) as user_index,
    cast(track_index as integer) as track_index
from indexed_pairs
where user_index is not null and track_index is not null
order by user_index, track_index, position;
