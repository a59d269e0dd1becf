-- weights: one row per user and user who counts for its scores by a walk, the greatest weight first.
-- Empty if the build does not walk, or if the weights are out of proportion to the other tables: see weights_of.
create table weights as
select
    users_of_list."user",
    other_users."user" as neighbor,
    user_weights.weight
from user_weights
inner join user_times as users_of_list on user_weights.user_index = users_of_list.user_index
inner join user_times as other_users on user_weights.neighbor_index = other_users.user_index
order by user_weights.user_index, user_weights.weight desc, user_weights.neighbor_index;
