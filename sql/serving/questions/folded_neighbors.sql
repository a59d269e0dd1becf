-- folded_neighbors: one row per user similar to the new user, the most similar first.
select
    found_neighbors.rank,
    indexed_users."user" as neighbor,
    found_neighbors.similarity,
    found_neighbors.common_tracks,
    users.events,
    users.tracks,
    scaled_time(users.mean_time) as mean_time
from found_neighbors
inner join indexed_users on found_neighbors.user_index = indexed_users.user_index
inner join users on indexed_users."user" = users."user"
order by found_neighbors.rank;
