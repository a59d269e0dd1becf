-- changed_users: one row per user of both databases whose list changed, the most changed first.
-- From list_changes, which says what overlap and rbo are. old_tracks, new_tracks: lengths of lists.
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
