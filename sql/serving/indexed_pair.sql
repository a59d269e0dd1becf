-- indexed_pair: one row: a user and a track of the logs, given by their indexes, as indexed_pairs has them.
-- variable user_index: of the user.
-- variable track_index: of the track.
create or replace temp table indexed_pairs as
select
    1 as position,
    indexed_users.user_index,
    tracks.popularity_rank - 1 as track_index,
    indexed_users.center + coalesce(tracks.bias, 0.0) as center
from indexed_users
cross join tracks
where
    indexed_users.user_index = getvariable('user_index')
    and tracks.popularity_rank = getvariable('track_index') + 1;
