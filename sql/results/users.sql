-- users: one row per user in the logs, in ascending order.
create table users as
select
    user_times."user",
    user_times.events,
    user_times.tracks,
    user_times.mean_time,
    user_measures.norm,
    user_measures.positive_neighbors,
    user_measures.negative_neighbors,
    user_measures.positive_scores
from user_times
inner join user_measures on user_times.user_index = user_measures.user_index
order by user_times.user_index;
