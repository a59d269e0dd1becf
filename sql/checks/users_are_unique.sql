-- users_are_unique: one row per user who has several rows, or is in the events or in users but not in both.
select
    coalesce(users."user", events_users."user") as "user",
    count(*) as copies
from users
full outer join (select distinct "user" from events) as events_users
    on users."user" = events_users."user"
group by coalesce(users."user", events_users."user")
having count(*) > 1 or count(users."user") = 0 or count(events_users."user") = 0;
