-- measures: one row per measure that both builds report: density, neighbors, seconds (to the millisecond).
-- The two databases are attached as old and new.
select
    measures.figure,
    measures.old,
    measures.new,
    measures.new - measures.old as difference
from old.build as old_build
cross join new.build as new_build
cross join lateral (
    values
    (1, 'density', old_build.density, new_build.density),
    (
        2,
        'mean positive neighbors',
        old_build.mean_positive_neighbors,
        new_build.mean_positive_neighbors
    ),
    (
        3,
        'mean negative neighbors',
        old_build.mean_negative_neighbors,
        new_build.mean_negative_neighbors
    ),
    (4, 'seconds', round(old_build.seconds, 3), round(new_build.seconds, 3))
) as measures (number, figure, old, new)
order by measures.number;
