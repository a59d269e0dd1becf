-- ids_of_users: one row per user in the logs, in the order of the dense indexes.
select "user"
from indexed_users
order by user_index;
