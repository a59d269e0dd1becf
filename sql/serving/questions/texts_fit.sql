-- texts_fit: one row: whether all users, and all tracks, of the pairs are written like ids of the logs.
select
    bool_and(coalesce(cast(try_cast(user_text as {{ user_type }}) as varchar) = user_text, false)) as users,
    bool_and(coalesce(cast(try_cast(track_text as {{ track_type }}) as varchar) = track_text, false)) as tracks
from pairs;
