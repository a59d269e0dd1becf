-- neighbors: one row per user and one of its most similar users (similarity above 0), the most similar first.
create table neighbors as
select
    users_of_list."user",
    similar_users.rank,
    neighbor_users."user" as neighbor,
    similar_users.similarity,
    similar_users.common_tracks
from similar_users
inner join user_times as users_of_list on similar_users.user_index = users_of_list.user_index
inner join user_times as neighbor_users on similar_users.neighbor_index = neighbor_users.user_index
order by similar_users.user_index, similar_users.rank;
