-- indexed_pairs: one row per pair, with the dense indexes of its user and track (null: not in the logs).
-- center: the expected time, as far as the logs know it. The mean time of all events stands in for the
-- center of an unknown user, 0 for that of an unknown track.
create or replace temp table indexed_pairs as
select
    pairs.position,
    indexed_users.user_index,
    tracks.popularity_rank - 1 as track_index,
    coalesce(indexed_users.center, getvariable('mean_time')) + coalesce(tracks.bias, 0.0) as center
from pairs
left join indexed_users on pairs.user_text = cast(indexed_users."user" as varchar)
left join tracks
    on pairs.track_text = cast(tracks.track as varchar) and tracks.popularity_rank is not null;
