-- find_user: one row per user whose id resembles a text, the best match first.
-- Numbers go by their difference. Other ids that begin with the text go first, then those that contain it, then those
-- with the fewest letters to change; capitals do not matter.
-- variable text: an id, or something like it.
-- variable k: users at most (default 10).
with
texts as (
    select
        "user",
        events,
        tracks,
        mean_time,
        cast("user" as varchar) as id_text,
        cast(getvariable('text') as varchar) as query_text
    from users
)

select
    "user",
    events,
    tracks,
    scaled_time(mean_time) as mean_time
from texts
order by
    id_text = query_text desc,
    -- ids that are numbers contain many numbers
    try_cast(id_text as double) is null and starts_with(lower(id_text), lower(query_text)) desc,
    try_cast(id_text as double) is null and contains(lower(id_text), lower(query_text)) desc,
    abs(try_cast(id_text as double) - try_cast(query_text as double)) asc nulls last,
    -- of long texts the beginning: the time grows with both lengths
    damerau_levenshtein(lower(left(id_text, 100)), lower(left(query_text, 100))) asc,
    "user" asc
limit (select coalesce(cast(getvariable('k') as bigint), 10));
