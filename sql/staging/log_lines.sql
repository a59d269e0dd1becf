-- {{ view }}: one row per readable, non-blank line of the files in the variable `log_paths`: the fields of an
-- event, and the reason why the line is rejected (null: it is accepted).
-- Only here do the fields of the logs get their names and types. The variable `timestamp_unit` names the unit of
-- timestamps in all logs, and the numbers of this unit have a size from `timestamp_least` to `timestamp_most`.
create or replace temp view {{ view }} as
with
numbered as (
    select
        path,
        {% if numbered %}row_number() over () as readable_line_number,{% endif %}
        line,
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
        object,
        json_keys(object) as keys,
        try_cast(
            object as struct(
                message json, "timestamp" json, "user" json, track json, "time" json, latency json,
                recommendation json, experiments json
            )
        ) as fields
    from numbered
    where not is_blank
),

texts as (
    select
        path,
        {% if numbered %}readable_line_number,{% endif %}
        line,
        object,
        keys,
        cast(fields.message as varchar) as message_text,
        cast(fields.timestamp as varchar) as timestamp_text,
        cast(fields."user" as varchar) as user_text,
        cast(fields.track as varchar) as track_text,
        cast(fields.time as varchar) as time_text,
        cast(fields.latency as varchar) as latency_text,
        cast(fields.recommendation as varchar) as recommendation_text,
        cast(
            case
                -- DuckDB's JSON makes 0 of the number -0: quotes keep it as it is written
                when
                    contains(cast(fields.experiments as varchar), ':0')
                    and (contains(line, ' -0') or contains(line, ':-0'))
                    then try(json_transform(
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
                        '{"experiments": "JSON"}'
                    )).experiments
                else fields.experiments
            end as varchar
        ) as experiments_text,
        fields.message as message_json,
        fields.timestamp as timestamp_json
    from parsed
),

typed as (
    select
        path,
        {% if numbered %}readable_line_number,{% endif %}
        line,
        object,
        message_json,
        timestamp_json,
        message_text,
        timestamp_text,
        user_text,
        track_text,
        time_text,
        recommendation_text,
        experiments_text,
        case
            -- every key of the line is one of these fields, and none is there twice
            when
                len(keys)
                = cast(message_text is not null as int) + cast(timestamp_text is not null as int)
                + cast(user_text is not null as int) + cast(track_text is not null as int)
                + cast(time_text is not null as int) + cast(latency_text is not null as int)
                + cast(recommendation_text is not null as int)
                + cast(experiments_text is not null as int)
                then null
            else list_filter(
                [
                    'user', 'track', 'time', 'message', 'timestamp', 'latency', 'recommendation',
                    'experiments'
                ],
                lambda name: len(list_filter(keys, lambda key: key = name)) > 1
            )[1]
        end as repeated_key,
        -- A whole number must be written as a plain integer: not "7", 7.5, 7.0 or true.
        try_cast(user_text as bigint) as user_id,
        try_cast(track_text as bigint) as track_id,
        try_cast(timestamp_text as bigint) as timestamp_number,
        try_cast(recommendation_text as bigint) as recommendation_id,
        try_cast(time_text as double) as time_fraction,
        try_cast(latency_text as double) as latency_seconds
    from texts
)

select
    path,
    {% if numbered %}readable_line_number,{% endif %}
    line,
    case when starts_with(message_text, '"') then message_json ->> '$' end as message,
    case
        when starts_with(timestamp_text, '"') then iso_timestamp(timestamp_json ->> '$')
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
    time_fraction + 0.0 as time,
    case when isfinite(latency_seconds) then latency_seconds end as latency,
    case
        when cast(recommendation_id as varchar) = recommendation_text then recommendation_id
    end as recommendation,
    -- a key given twice makes the conversion to a map fail; try turns that into null
    coalesce(
        map_values(getvariable('known_experiments'))[
            list_position(map_keys(getvariable('known_experiments')), experiments_text)
        ],
        try(json_transform(experiments_text, '"MAP(VARCHAR, VARCHAR)"'))
    ) as experiments,
    case
        when
            cast(user_id as varchar) = user_text
            and cast(track_id as varchar) = track_text
            and user_id >= 0
            and track_id >= 0
            and time_fraction between 0 and 1
            and repeated_key is null
            then null
        when object is null then 'not JSON'
        when json_type(object) <> 'OBJECT' then 'not an object'
        when repeated_key is not null then repeated_key || ' is given twice'
        when user_text is null then 'user is missing'
        when regexp_full_match(user_text, '-[0-9]+') then 'user is negative'
        when not regexp_full_match(user_text, '[0-9]+') then 'user is not a whole number'
        when user_id is null then 'user is larger than 9223372036854775807'
        when track_text is null then 'track is missing'
        when regexp_full_match(track_text, '-[0-9]+') then 'track is negative'
        when not regexp_full_match(track_text, '[0-9]+') then 'track is not a whole number'
        when track_id is null then 'track is larger than 9223372036854775807'
        when time_text is null then 'time is missing'
        when time_fraction is null or isnan(time_fraction) then 'time is not a number'
        else 'time is outside 0 to 1'
    end as reason
from typed;
