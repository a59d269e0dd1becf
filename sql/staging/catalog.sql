-- catalog: one row per track of the catalog, with the columns that the catalog has;
-- artist, title, genre and pop are null where it lacks them, and genre is text: a list reads '[1, 2]'.
create or replace temp table catalog as
with
expected as (
    select
        track,
        cast(null as varchar) as artist,
        cast(null as varchar) as title,
        cast(null as varchar) as genre,
        cast(null as integer) as pop
    from events
    limit 0
)

select * from expected
{% if catalog %}
union all by name
select * replace (cast(track as {{ track_type }}) as track)
from read_json(getvariable('catalog_path'), format = 'newline_delimited', sample_size = -1)
{% endif %};
