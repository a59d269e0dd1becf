-- sources: one row per range of ranks (all, 1 to 10): the share of the recommendations that neighbors bring.
-- Databases of version 0.1 do not have it.
-- The two databases are attached as old and new.
select
    shares.ranks,
    shares.old,
    shares.new,
    shares.new - shares.old as difference
from old.build as old_build
cross join new.build as new_build
cross join lateral (
    values
    ('1 to 10', old_build.share_from_neighbors_to_10, new_build.share_from_neighbors_to_10),
    ('all', old_build.share_from_neighbors, new_build.share_from_neighbors)
) as shares (ranks, old, new)
order by shares.ranks;
