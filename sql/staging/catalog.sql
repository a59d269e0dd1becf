-- catalog: one row per track of the catalog, in its order.
-- artist, title, genre and pop are null where the catalog lacks them; genre is text: a list reads '[1, 2]'.
-- Further columns get the type that fits all their values (JSON for objects). A further column is left out
-- if the table tracks has a column of that name, or if only capitals distinguish it from another one.
{% if catalog %}
set variable catalog_structure = (
    with
    structures as (
        select
            key,
            cast(value as varchar) as structure
        from json_each((select json_group_structure(cast(line as json)) from catalog_lines))
    ),

    further as (
        select
            key,
            case when contains(structure, '{') then '"JSON"' else structure end as structure,
            row_number() over (partition by lower(key) order by key) as namesake
        from structures
        where
            lower(key) not in (
                'track', 'artist', 'title', 'genre', 'pop',
                'plays', 'listeners', 'total_time', 'popularity_rank', 'bias', 'in_catalog',
                'recommendable', ''
            )
    )

    -- in_catalog is a placeholder, for a catalog without further columns
    select
        '{'
        || coalesce(string_agg(to_json(key) || ':' || structure || ',', '' order by key), '')
        || '"in_catalog":"JSON"}'
    from further
    where namesake = 1
);
{% endif %}
create or replace temp table catalog as
{% if catalog %}
with
fields as (
    select
        line_number,
        json_transform(
            line,
            '{"track": "JSON", "artist": "JSON", "title": "JSON", "genre": "JSON", "pop": "JSON"}'
        ) as known,
        json_transform(line, getvariable('catalog_structure')) as further
    from catalog_lines
),

typed as (
    select
        cast(known.track ->> '$' as {{ track_type }}) as track,
        known.artist ->> '$' as artist,
        known.title ->> '$' as title,
        case
            when json_type(known.genre) = 'ARRAY'
                then cast(try_cast(known.genre as varchar[]) as varchar)
            else known.genre ->> '$'
        end as genre,
        case
            when
                json_type(known.pop) in ('BIGINT', 'UBIGINT', 'DOUBLE')
                and isfinite(try_cast(known.pop as double))
                then try_cast(known.pop as double)
        end as pop,
        unnest(further)
    from fields
    order by line_number
)

select * exclude (in_catalog)
from typed;
{% else %}
select
    track,
    cast(null as varchar) as artist,
    cast(null as varchar) as title,
    cast(null as varchar) as genre,
    cast(null as double) as pop
from events
limit 0;
{% endif %}
