-- random_users: one row per user drawn at random; the same seed draws the same users.
-- variable seed: a number or a text (default 0).
-- variable k: users at most (default 1).
select
    "user",
    events,
    tracks,
    scaled_time(mean_time) as mean_time
from users
order by
    md5(concat(coalesce(cast(getvariable('seed') as varchar), '0'), ' ', cast("user" as varchar))),
    "user"
limit (select coalesce(cast(getvariable('k') as bigint), 1));
