-- prediction_own_tracks: one row per track of the user in a predicted time, the greatest contribution first.
-- The time of the user on it, less what is expected, and the contribution are in the scale of the build.
select
    tracks.track,
    found_terms.similarity,
    scaled_difference(found_terms.centered_time) as centered_time,
    scaled_difference(found_terms.contribution) as contribution
from found_terms
inner join tracks on found_terms.indexes = tracks.popularity_rank - 1
order by abs(found_terms.contribution) desc, tracks.track;
