-- indexed_interactions: one row per interaction, with the dense indexes (from 0) of its user and track.
-- Tracks are indexed by popularity: among equal scores the smaller index comes first.
create temp table indexed_interactions as
select
    cast(user_times.user_index as integer) as user_index,
    cast(track_times.popularity_rank - 1 as integer) as track_index,
    interactions.centered_time,
    interactions.counted_time
from interactions
inner join user_times on interactions."user" = user_times."user"
inner join track_times on interactions.track = track_times.track
order by user_index, track_index;
