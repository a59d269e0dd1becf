-- {{ view }}: one row per readable, non-blank line of the files in the variable `log_paths`: the texts of its fields.
-- A text is as JSON writes the value: a text value is in quotes. In the files of the variable `untyped_paths`, which
-- know no types, it is the bare text. The variable `field_paths` holds where to find the fields, as JSON pointers,
-- and `field_names` the outermost names in them.
create or replace temp view {{ view }} as
with
numbered as (
    select
        path,
        {% if numbered %}row_number() over () as readable_line_number,{% endif %}
        line,
        {% if untyped %}list_contains(getvariable('untyped_paths'), path) as is_untyped,{% endif %}
        -- null for a line that is not JSON
        coalesce(try_cast(line as json), try_cast(whole_characters(line) as json)) as object,
        is_blank
    from log_text
),

parsed as (
    select
        path,
        {% if numbered %}readable_line_number,{% endif %}
        line,
        {% if untyped %}is_untyped,{% endif %}
        object,
        json_keys(object) as keys,
        json_extract(object, getvariable('field_paths')) as fields
    from numbered
    where not is_blank
)

select
    path,
    {% if numbered %}readable_line_number,{% endif %}
    line,
    {% if untyped %}is_untyped,{% endif %}
    object,
    {% for name in fields %}
    fields[{{ loop.index }}] as {{ name }}_json,
    {% if untyped %}
    case
        when is_untyped
            then fields[{{ loop.index }}] ->> '$'
        else nullif(cast(fields[{{ loop.index }}] as varchar), 'null')
    end as {{ name }}_text,
    {% else %}
    nullif(cast(fields[{{ loop.index }}] as varchar), 'null') as {{ name }}_text,
    {% endif %}
    {% endfor %}
    {% for column in numbers %}
    -- a number, whether or not it is in quotes
    case
        when isfinite(try_cast(fields[{{ fields | length + loop.index }}] ->> '$' as double))
            then try_cast(fields[{{ fields | length + loop.index }}] ->> '$' as double)
    end as {{ column }},
    {% endfor %}
    {% for column in texts %}
    fields[{{ fields | length + numbers | length + loop.index }}] ->> '$' as {{ column }},
    {% endfor %}
    case
        -- every key of the line is one of these fields, and none is there twice
        {% if plain %}
        when
            len(keys) = (
                {% for name in fields %}
                cast(fields[{{ loop.index }}] is not null as int){{ '' if loop.last else ' +' }}
                {% endfor %}
            )
            then null
        {% else %}
        when len(keys) = list_unique(keys) then null
        {% endif %}
        else list_filter(
            getvariable('field_names'),
            lambda name: len(list_filter(keys, lambda key: key = name)) > 1
        )[1]
    end as repeated_key
from parsed;
