-- A neighbor is another user, similar by more than 0 and at most 1, with a track in common.
select
    "user",
    rank,
    neighbor,
    similarity,
    common_tracks
from neighbors
where
    neighbor = "user"
    or similarity is null
    or not (similarity > 0 and similarity < 1 + 1e-9)
    or common_tracks < 1;
