-- changed_users: one row per user in both databases whose list changed, the most changed first.
-- overlap and rbo: see list_changes. old_tracks, new_tracks: lengths of the lists.
-- variable k: users at most (default 10).
select
    "user",
    rbo,
    overlap_10,
    overlap_100,
    old_tracks,
    new_tracks
from list_changes
where not identical
order by
    rbo,
    overlap_10,
    overlap_100,
    "user"
limit (select coalesce(cast(getvariable('k') as bigint), 10));
