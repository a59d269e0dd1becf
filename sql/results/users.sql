-- users: one row per user in the logs, in ascending order.
-- The scores report -1 for a count that was not made; it becomes null.
create table users as
select
    user_times."user",
    user_times.events,
    user_times.tracks,
    user_times.mean_time,
    user_centers.bias,
    user_measures.norm,
    nullif(user_measures.positive_neighbors, -1) as positive_neighbors,
    nullif(user_measures.negative_neighbors, -1) as negative_neighbors,
    nullif(user_measures.positive_scores, -1) as positive_scores
from user_times
inner join user_centers on user_times.user_index = user_centers.user_index
inner join user_measures on user_times.user_index = user_measures.user_index
order by user_times.user_index;
