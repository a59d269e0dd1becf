-- prediction_neighbors: one row per neighbor in a predicted time, the greatest contribution first.
-- The time of the neighbor, less what is expected of it, and the contribution are in the scale of the build.
select
    indexed_users."user" as neighbor,
    found_terms.similarity,
    scaled_difference(found_terms.centered_time) as centered_time,
    scaled_difference(found_terms.contribution) as contribution
from found_terms
inner join indexed_users on found_terms.indexes = indexed_users.user_index
order by abs(found_terms.contribution) desc, indexed_users."user";
