-- lists: one row per counted user and track in its list by the model.
create or replace temp table lists as
select
    user_times.user_index,
    top_tracks.rank,
    track_times.popularity_rank - 1 as track_index
from top_tracks
inner join user_times on top_tracks."user" = user_times."user"
inner join track_times on top_tracks.track = track_times.track
inner join counted_users on user_times.user_index = counted_users.user_index;
