-- find_track: one row per track whose id, artist or title resembles a text, the best match first.
-- Tracks with this title go first, then those whose artist or title contains the text, then those whose id begins with
-- it or contains it, unless it is a number. Numbers go by their difference; else the most similar id, artist or title
-- goes first. Capitals do not matter.
-- variable text: an id, an artist or a title, or something like it.
-- variable k: tracks at most (default 10).
with
texts as (
    select
        track,
        artist,
        title,
        plays,
        listeners,
        cast(track as varchar) as id_text,
        lower(concat_ws(' - ', artist, title)) as name_text,
        cast(getvariable('text') as varchar) as query_text
    from tracks
)

select
    track,
    artist,
    title,
    plays,
    listeners
from texts
order by
    id_text = query_text desc,
    coalesce(lower(title) = lower(query_text), false) desc,
    contains(name_text, lower(query_text)) desc,
    -- ids that are numbers contain many numbers
    try_cast(id_text as double) is null and starts_with(lower(id_text), lower(query_text)) desc,
    try_cast(id_text as double) is null and contains(lower(id_text), lower(query_text)) desc,
    abs(try_cast(id_text as double) - try_cast(query_text as double)) asc nulls last,
    -- of long texts the beginning: the time grows with both lengths
    greatest(
        case
            when try_cast(id_text as double) is null
                then jaro_winkler_similarity(lower(left(id_text, 100)), lower(left(query_text, 100)))
        end,
        jaro_winkler_similarity(lower(left(title, 100)), lower(left(query_text, 100))),
        jaro_winkler_similarity(lower(left(artist, 100)), lower(left(query_text, 100))),
        jaro_winkler_similarity(left(name_text, 100), lower(left(query_text, 100)))
    ) desc nulls last,
    plays desc,
    track asc
limit (select coalesce(cast(getvariable('k') as bigint), 10));
