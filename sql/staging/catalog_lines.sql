-- catalog_lines: one row per readable, non-blank line of the catalog, the only file in `log_paths`.
-- fields: of those with a path of their own, the name in the catalog; the variable `catalog_paths` holds the paths.
-- untyped: the file knows no types: pop is a number, and track where the ids of tracks are numbers.
create or replace temp table catalog_lines as
with
numbered as (
    select
        row_number() over () as line_number,
        whole_characters(line) as line,
        try_cast(whole_characters(line) as json) as parsed,
        is_blank
    from log_text
){% if fields or untyped %},

renamed as (
    select
        line_number,
        {% if fields %}
        case
            when json_type(parsed) = 'OBJECT'
                then json_merge_patch(
                    parsed,
                    json_object(
                        {% for name in fields %}
                        '{{ name }}',
                        json_extract(parsed, getvariable('catalog_paths')[{{ loop.index }}]){{ '' if loop.last else ',' }}
                        {% endfor %}
                    )
                )
            else parsed
        end as object,
        {% else %}
        parsed as object,
        {% endif %}
        line
    from numbered
    where not is_blank
)

select
    line_number,
    {% if untyped %}
    case
        when json_type(object) = 'OBJECT'
            then cast(
                json_merge_patch(
                    object,
                    json_object(
                        'pop',
                        try_cast(object ->> '/pop' as double)
                        {% if track_type == 'BIGINT' %},
                        'track',
                        case
                            when cast(try_cast(object ->> '/track' as bigint) as varchar) = object ->> '/track'
                                then to_json(try_cast(object ->> '/track' as bigint))
                            else json_extract(object, '/track')
                        end
                        {% endif %}
                    )
                )
                as varchar
            )
        else line
    end as line
    {% else %}
    coalesce(cast(object as varchar), line) as line
    {% endif %}
from renamed;
{% else %}

select
    line_number,
    line
from numbered
where not is_blank;
{% endif %}
