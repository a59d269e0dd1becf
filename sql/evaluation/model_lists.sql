-- lists: one row per counted user and track in its list by the model.
create or replace temp table lists as
select
    top_tracks.user_index,
    top_tracks.rank,
    top_tracks.track_index
from top_tracks
inner join counted_users on top_tracks.user_index = counted_users.user_index;
