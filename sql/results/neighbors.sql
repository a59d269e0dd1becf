-- neighbors: one row per user and one of its most similar users (similarity above 0), the most similar first.
-- similar_users has these rows in this order; ids that arrays cannot hold are texts in it.
create table neighbors as
select
    cast("user" as {{ user_type }}) as "user",
    rank,
    cast(neighbor as {{ user_type }}) as neighbor,
    similarity,
    common_tracks
from similar_users;
