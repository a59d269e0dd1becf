-- with_titles: one row per row of given_rows, in their order, with the catalog's columns for the track.
-- A row whose track the catalog lacks has nulls there. The columns of the rows go by their numbers, since several may
-- have one name; ids are compared as texts, since those of given_rows may have another type.
-- {{ rows }}: the columns of given_rows, quoted; {{ track }}: the number, from 1, of the one that has the track;
-- {{ catalog }}: the columns of the catalog, quoted.
with
numbered as (
    select
        *,
        row_number() over () as position
    from given_rows as given_rows (
        {% for _ in rows %}column_{{ loop.index }}{{ ", " if not loop.last }}{% endfor %}
    )
)

select
    {% for column in rows %}
    numbered.column_{{ loop.index }} as {{ column }},
    {% endfor %}
    {% for column in catalog %}
    tracks.{{ column }}{{ "," if not loop.last }}
    {% endfor %}
from numbered
left join tracks on cast(numbered.column_{{ track }} as varchar) = cast(tracks.track as varchar)
order by numbered.position;
