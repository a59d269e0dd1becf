-- user_index: one row: the dense index of a given user.
-- variable user: the given user.
select user_index
from indexed_users
where "user" = getvariable('user');
