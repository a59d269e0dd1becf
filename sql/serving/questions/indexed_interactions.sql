-- indexed_interactions: one row per interaction, with the dense indexes (from 0) of its user and track.
-- Tracks are indexed by popularity, as in the build: among equal scores the smaller index comes first.
select
    cast(indexed_users.user_index as integer) as user_index,
    cast(tracks.popularity_rank - 1 as integer) as track_index,
    interactions.centered_time,
    interactions.counted_time
from interactions
inner join indexed_users on interactions."user" = indexed_users."user"
inner join tracks on interactions.track = tracks.track
order by user_index, track_index;
