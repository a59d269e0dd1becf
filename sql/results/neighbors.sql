-- neighbors: one row per user and one of its most similar users (w > 0), the most similar first.
create table neighbors as
with
counted as (
    select
        similar_users.user_index,
        similar_users.rank,
        similar_users.neighbor_index,
        similar_users.similarity,
        count(*) as common_tracks
    from similar_users
    inner join indexed_interactions as own
        on similar_users.user_index = own.user_index
    inner join indexed_interactions as theirs
        on similar_users.neighbor_index = theirs.user_index and own.track_index = theirs.track_index
    group by
        similar_users.user_index,
        similar_users.rank,
        similar_users.neighbor_index,
        similar_users.similarity
)

select
    users_of_list."user",
    counted.rank,
    neighbor_users."user" as neighbor,
    counted.similarity,
    counted.common_tracks
from counted
inner join user_times as users_of_list on counted.user_index = users_of_list.user_index
inner join user_times as neighbor_users on counted.neighbor_index = neighbor_users.user_index
order by counted.user_index, counted.rank;
