-- list_tracks: one row per track, or per track whose id, artist, title or genre has a text, in an order of choice.
-- recommended_to: users who have the track in their list. found: how many tracks there are in all.
-- A track that only the catalog has comes last. An id that is a number is found by its first digits; capitals do not matter.
-- The track whose id is the text comes first.
-- variable text: a part of the id, of artist and title, or of the genre (default: all tracks).
-- variable sort: popularity, track, artist, title, genre, plays, listeners or total_time (default popularity).
-- variable direction: desc or asc (default asc: the most popular first).
-- variable k: tracks at most (default 50).
-- variable skip: tracks to leave out before these (default 0).
with
texts as (
    select
        *,
        lower(cast(track as varchar)) as id_text,
        lower(concat_ws(' - ', artist, title)) as name_text,
        lower(cast(genre as varchar)) as genre_text,
        lower(cast(getvariable('text') as varchar)) as query_text,
        coalesce(cast(getvariable('sort') as varchar), 'popularity') as sort,
        coalesce(cast(getvariable('direction') as varchar), 'asc') as direction
    from tracks
),

matching as (
    select
        coalesce(id_text = query_text, false) as is_text,
        track,
        artist,
        title,
        genre,
        plays,
        listeners,
        total_time,
        popularity_rank,
        direction,
        case sort
            when 'popularity' then cast(popularity_rank as double)
            when 'plays' then cast(plays as double)
            when 'listeners' then cast(listeners as double)
            when 'total_time' then cast(total_time as double)
            when 'track' then try_cast(id_text as double)
        end as sort_number,
        case sort
            when 'track' then id_text
            when 'artist' then lower(artist)
            when 'title' then lower(title)
            when 'genre' then genre_text
        end as sort_text
    from texts
    where
        query_text is null
        or starts_with(id_text, query_text)
        or (try_cast(id_text as double) is null and contains(id_text, query_text))
        or contains(name_text, query_text)
        or contains(genre_text, query_text)
),

ranked as (
    select
        *,
        case direction
            when 'desc' then row_number() over (
                order by
                    is_text desc,
                    sort_number desc nulls last,
                    sort_text desc nulls last,
                    popularity_rank asc nulls last,
                    track asc
            )
            else row_number() over (
                order by
                    is_text desc,
                    sort_number asc nulls last,
                    sort_text asc nulls last,
                    popularity_rank asc nulls last,
                    track asc
            )
        end as place,
        count(*) over () as found
    from matching
),

listed as (
    select *
    from ranked
    where
        place > coalesce(cast(getvariable('skip') as bigint), 0)
        and place
        <= coalesce(cast(getvariable('skip') as bigint), 0)
        + coalesce(cast(getvariable('k') as bigint), 50)
),

recommended as (
    select
        recommendations.track,
        count(*) as users
    from recommendations
    inner join listed on recommendations.track = listed.track
    group by recommendations.track
)

select
    listed.track,
    listed.artist,
    listed.title,
    listed.genre,
    listed.plays,
    listed.listeners,
    listed.total_time,
    listed.popularity_rank,
    coalesce(recommended.users, 0) as recommended_to,
    listed.found
from listed
left join recommended on listed.track = recommended.track
order by listed.place;
