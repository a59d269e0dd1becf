-- One row: whether all users, and all tracks, of the pairs can be read as ids of the logs.
select
    bool_and(try_cast(user_text as {{ user_type }}) is not null) as users,
    bool_and(try_cast(track_text as {{ track_type }}) is not null) as tracks
from pairs;
