-- similarities: one row per neighbor of a given user, as the macro similarities_of has them.
-- variable user: the given user.
create or replace temp table similarities as
select
    getvariable('user') as "user",
    found_similarities.place,
    indexed_users."user" as neighbor,
    found_similarities.similarity as weight,
    found_similarities.common_tracks
from found_similarities
inner join indexed_users on found_similarities.user_index = indexed_users.user_index;
