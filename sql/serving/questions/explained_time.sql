-- explained_time: one row: a predicted time, what it is the sum of, and whether the sum was cut; in the scale.
-- variable of_neighbors, of_own_tracks: the sums of their contributions, as fractions.
with
sums as (
    select
        center,
        getvariable('of_neighbors') as of_neighbors,
        getvariable('of_own_tracks') as of_own_tracks,
        center + (getvariable('of_neighbors') + getvariable('of_own_tracks')) as predicted
    from indexed_pairs
)

select
    scaled_time(center) as expected_time,
    scaled_difference(of_neighbors) as of_neighbors,
    scaled_difference(of_own_tracks) as of_own_tracks,
    scaled_time(least(greatest(predicted, 0.0), 1.0)) as predicted_time,
    predicted < 0 or predicted > 1 as is_cut
from sums;
