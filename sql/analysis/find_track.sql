-- find_track: one row per track whose id, artist or title resembles a text, the best match first.
-- Tracks whose artist or title contains the text, or whose id does and is no number, go before those with a similar id.
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
    contains(name_text, lower(query_text)) desc,
    -- ids that are numbers contain many numbers
    try_cast(id_text as double) is null and contains(lower(id_text), lower(query_text)) desc,
    abs(try_cast(id_text as double) - try_cast(query_text as double)) asc nulls last,
    levenshtein(id_text, query_text) asc,
    plays desc,
    track asc
limit (select coalesce(cast(getvariable('k') as bigint), 10));
