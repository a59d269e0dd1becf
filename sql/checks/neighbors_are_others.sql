-- neighbors_are_others: one row per neighbor that is the user itself, has a similarity outside (0, 1], or
-- shares no track with the user.
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
