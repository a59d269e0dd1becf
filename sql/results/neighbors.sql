-- neighbors: one row per user and one of its most similar users (w > 0), the most similar first.
create table neighbors as
with
common as (
    select
        similar_users.user_index,
        similar_users.neighbor_index,
        count(*) as common_tracks
    from similar_users
    inner join indexed_interactions as own
        on similar_users.user_index = own.user_index
    inner join indexed_interactions as theirs
        on similar_users.neighbor_index = theirs.user_index and own.track_index = theirs.track_index
    group by similar_users.user_index, similar_users.neighbor_index
)

select
    users_of_list."user",
    similar_users.rank,
    neighbor_users."user" as neighbor,
    similar_users.similarity,
    common.common_tracks
from similar_users
inner join user_times as users_of_list
    on similar_users.user_index = users_of_list.user_index
inner join user_times as neighbor_users
    on similar_users.neighbor_index = neighbor_users.user_index
inner join common
    on
        similar_users.user_index = common.user_index
        and similar_users.neighbor_index = common.neighbor_index
order by similar_users.user_index, similar_users.rank;
