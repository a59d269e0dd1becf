-- list_users: one row per user in the logs, or per user whose id has a text, in an order of choice.
-- total_time: the sum of the user's times, as fractions. found: how many users there are in all.
-- An id that is a number is found by its first digits, another one by any part; capitals do not matter.
-- The user whose id is the text comes first.
-- variable text: a part of the id (default: all users).
-- variable sort: user, events, tracks, mean_time, total_time, positive_neighbors, negative_neighbors or positive_scores (default events).
-- variable direction: desc or asc (default desc).
-- variable k: users at most (default 50).
-- variable skip: users to leave out before these (default 0).
with
texts as (
    select
        *,
        lower(cast("user" as varchar)) as id_text,
        lower(cast(getvariable('text') as varchar)) as query_text,
        coalesce(cast(getvariable('sort') as varchar), 'events') as sort,
        coalesce(cast(getvariable('direction') as varchar), 'desc') as direction
    from users
),

matching as (
    select
        coalesce(id_text = query_text, false) as is_text,
        "user",
        events,
        tracks,
        mean_time,
        events * mean_time as total_time,
        positive_neighbors,
        negative_neighbors,
        positive_scores,
        direction,
        case sort
            when 'events' then cast(events as double)
            when 'tracks' then cast(tracks as double)
            when 'mean_time' then mean_time
            when 'total_time' then events * mean_time
            when 'positive_neighbors' then cast(positive_neighbors as double)
            when 'negative_neighbors' then cast(negative_neighbors as double)
            when 'positive_scores' then cast(positive_scores as double)
            when 'user' then try_cast(id_text as double)
        end as sort_number,
        case when sort = 'user' then id_text end as sort_text
    from texts
    where
        query_text is null
        or starts_with(id_text, query_text)
        or (try_cast(id_text as double) is null and contains(id_text, query_text))
),

ranked as (
    select
        *,
        case direction
            when 'asc' then row_number() over (
                order by
                    is_text desc,
                    sort_number asc nulls last,
                    sort_text asc,
                    "user" asc
            )
            else row_number() over (
                order by
                    is_text desc,
                    sort_number desc nulls last,
                    sort_text desc,
                    "user" asc
            )
        end as place,
        count(*) over () as found
    from matching
)

select
    "user",
    events,
    tracks,
    scaled_time(mean_time) as mean_time,
    total_time,
    positive_neighbors,
    negative_neighbors,
    positive_scores,
    found
from ranked
where
    place > coalesce(cast(getvariable('skip') as bigint), 0)
    and place
    <= coalesce(cast(getvariable('skip') as bigint), 0)
    + coalesce(cast(getvariable('k') as bigint), 50)
order by place;
