-- users_without_logs: one row per user in the file of users whom the logs do not know.
create temp table users_without_logs as
select distinct cast(given_users.id_text as {{ user_type }}) as "user"
from given_users
left join user_times on given_users.id_text = cast(user_times."user" as string)
where user_times."user" is null;
