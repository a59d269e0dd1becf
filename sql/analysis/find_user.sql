-- find_user: one row per user whose id resembles a text, the best match first.
-- variable text: an id, or something like it.
-- variable k: users at most (default 10).
select
    "user",
    events,
    tracks,
    scaled_time(mean_time) as mean_time
from users
order by
    cast("user" as varchar) = cast(getvariable('text') as varchar) desc,
    abs(
        try_cast(cast("user" as varchar) as double)
        - try_cast(cast(getvariable('text') as varchar) as double)
    ) asc nulls last,
    levenshtein(cast("user" as varchar), cast(getvariable('text') as varchar)) asc,
    "user" asc
limit (select coalesce(cast(getvariable('k') as bigint), 10));
