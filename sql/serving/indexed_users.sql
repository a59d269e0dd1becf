-- indexed_users: one row per user: its dense index (from 0, by id), and what is expected of it.
create or replace temp table indexed_users as
select
    row_number() over (order by "user") - 1 as user_index,
    "user",
    mean_time,
    bias
from users;
