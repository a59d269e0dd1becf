-- {{ view }}: one row per row of {{ fields_view }}: the fields of an event, whether the line is left out, and the
-- reason why it is rejected (null: it is accepted).
-- Only here do the fields of the logs get their types. The variable `timestamp_unit` names the unit of timestamps in
-- all logs, and the numbers of this unit have a size from `timestamp_least` to `timestamp_most`; texts are timestamps
-- if `timestamp_texts` says so. A time is from `time_least` to `time_most`, and becomes a fraction of this range.
create or replace temp view {{ view }} as
with
typed as (
    select
        *,
        {% for name, kind in ids.items() %}
        {% if kind == 'integer' %}
        -- A whole number must be written as a plain integer: not "7", 7.5, 7.0 or true.
        try_cast({{ name }}_text as bigint) as {{ name }}_id,
        {% else %}
        case
            when starts_with({{ name }}_text, '"') {% if untyped %}or is_untyped {% endif %}
                then {{ name }}_json ->> '$'
            {% if kind == 'any' %}
            when regexp_full_match({{ name }}_text, '-?[0-9].*') then {{ name }}_text
            {% endif %}
        end as {{ name }}_id,
        {% endif %}
        {% endfor %}
        try_cast(timestamp_text as bigint) as timestamp_number,
        {% if time %}
        {{ time }} as time_value,
        {% else %}
        try_cast(time_text as double) as time_value,
        {% endif %}
        try_cast(latency_text as double) as latency_seconds,
        case
            -- DuckDB's JSON makes 0 of the number -0: quotes keep it as it is written
            when
                contains(experiments_text, ':0')
                and (contains(line, ' -0') or contains(line, ':-0'))
                then cast(
                    try(json_extract(
                        replace(
                            replace(
                                regexp_replace(
                                    whole_characters(line),
                                    '("(?:[^"\\]|\\.)*")|-(0)([ \t,}\]])',
                                    '\1' || chr(1) || '\2\3',
                                    'g'
                                ),
                                '"' || chr(1),
                                '"'
                            ),
                            chr(1) || '0',
                            '"-0"'
                        ),
                        getvariable('experiments_path')
                    ))
                    as varchar
                )
            else experiments_text
        end as exact_experiments_text
    from {{ fields_view }}
)

select
    path,
    {% if numbered %}readable_line_number,{% endif %}
    line,
    case
        when starts_with(message_text, '"') {% if untyped %}or is_untyped {% endif %}
            then message_json ->> '$'
    end as message,
    case
        when starts_with(timestamp_text, '"')
            then case when getvariable('timestamp_texts') then iso_timestamp(timestamp_json ->> '$') end
        {% if untyped %}
        when timestamp_number is null
            then case when getvariable('timestamp_texts') then iso_timestamp(timestamp_text) end
        {% endif %}
        when cast(timestamp_number as varchar) <> timestamp_text then null
        -- a number of another size is in another unit
        when
            not (
                timestamp_number between getvariable('timestamp_least') and getvariable('timestamp_most')
                or timestamp_number between -getvariable('timestamp_most') and -getvariable('timestamp_least')
                or timestamp_number between -99999999 and 99999999
            )
            then null
        when getvariable('timestamp_unit') = 'seconds' then try(epoch_ms(timestamp_number * 1000))
        when getvariable('timestamp_unit') = 'microseconds' then try(make_timestamp(timestamp_number))
        when getvariable('timestamp_unit') = 'nanoseconds'
            then try(make_timestamp(timestamp_number // 1000))
        else try(epoch_ms(timestamp_number))
    end as timestamp,
    user_id as "user",
    track_id as track,
    -- + 0.0 turns -0.0 into 0.0
    (time_value - getvariable('time_least'))
    / (getvariable('time_most') - getvariable('time_least')) + 0.0 as time,
    case when isfinite(latency_seconds) then latency_seconds end as latency,
    {% if ids.track == 'integer' %}
    case
        when cast(recommendation_id as varchar) = recommendation_text then recommendation_id
    end as recommendation,
    {% else %}
    nullif(recommendation_id, '') as recommendation,
    {% endif %}
    -- a key given twice makes the conversion to a map fail; try turns that into null
    coalesce(
        map_values(getvariable('known_experiments'))[
            list_position(map_keys(getvariable('known_experiments')), exact_experiments_text)
        ],
        try(json_transform(exact_experiments_text, '"MAP(VARCHAR, VARCHAR)"'))
    ) as experiments,
    {% if where %}
    coalesce(json_type(object) = 'OBJECT' and not coalesce({{ where }}, false), false) as is_left_out,
    {% endif %}
    case
        when
            {% for name, kind in ids.items() if name != 'recommendation' %}
            {% if kind == 'integer' %}
            cast({{ name }}_id as varchar) = {{ name }}_text
            and {{ name }}_id >= 0
            {% else %}
            {{ name }}_id <> ''
            {% endif %}
            and
            {% endfor %}
            time_value between getvariable('time_least') and getvariable('time_most')
            and repeated_key is null
            then null
        when object is null then 'not JSON'
        when json_type(object) <> 'OBJECT' then 'not an object'
        when repeated_key is not null then repeated_key || ' is given twice'
        {% for name, kind in ids.items() if name != 'recommendation' %}
        when {{ name }}_text is null then '{{ name }} is missing'
        {% if kind == 'integer' %}
        when regexp_full_match({{ name }}_text, '-[0-9]+') then '{{ name }} is negative'
        when not regexp_full_match({{ name }}_text, '[0-9]+') then '{{ name }} is not a whole number'
        when {{ name }}_id is null then '{{ name }} is larger than 9223372036854775807'
        -- such as 007, in a file that knows no types
        when cast({{ name }}_id as varchar) <> {{ name }}_text then '{{ name }} is not a whole number'
        {% else %}
        when {{ name }}_id is null then '{{ name }} is not a text'
        when {{ name }}_id = '' then '{{ name }} is empty'
        {% endif %}
        {% endfor %}
        {% if time %}
        when time_value is null then getvariable('time_expression') || ' has no value'
        {% else %}
        when time_text is null then 'time is missing'
        when time_value is null or isnan(time_value) then 'time is not a number'
        {% endif %}
        else 'time is outside ' || getvariable('time_range')
    end as reason
from typed;
