-- counts: one row per count that both builds report, in the order of a build's summary.
-- The two databases are attached as old and new.
select
    counts.figure,
    counts.old,
    counts.new,
    counts.new - counts.old as difference
from old.build as old_build
cross join new.build as new_build
cross join lateral (
    values
    (1, 'lines', old_build.lines, new_build.lines),
    (2, 'events', old_build.accepted, new_build.accepted),
    (3, 'rejected lines', old_build.rejected, new_build.rejected),
    (4, 'duplicate lines', old_build.duplicate_lines, new_build.duplicate_lines),
    (5, 'users', old_build.users, new_build.users),
    (6, 'tracks', old_build.tracks, new_build.tracks),
    (7, 'interactions', old_build.interactions, new_build.interactions),
    (8, 'recommendations', old_build.recommendations, new_build.recommendations),
    (
        9,
        'users without a positive score',
        old_build.users_without_positive_score,
        new_build.users_without_positive_score
    ),
    (
        10,
        'tracks without a catalog entry',
        old_build.tracks_without_catalog_entry,
        new_build.tracks_without_catalog_entry
    )
) as counts (number, figure, old, new)
order by counts.number;
