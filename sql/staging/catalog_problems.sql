-- catalog_problems: one row: the first line of the catalog that cannot be used, if there is one.
with
lines as (
    select
        row_number() over () as line_number,
        line
    from log_text
),

parsed as (
    select
        line_number,
        line,
        try(json_transform(line, '{"track": "JSON"}')).track as track_json
    from lines
    where regexp_matches(line, '[^ \t\r]')
),

tracks as (
    select
        line_number,
        line,
        track_json,
        track_json ->> '$' as track_text
    from parsed
),

problems as (
    select
        line_number,
        case
            when not json_valid(line) then 'not JSON'
            when json_type(line) <> 'OBJECT' then 'not an object'
            when track_text is null then 'track is missing'
            {% if track_type == 'BIGINT' %}
            when not coalesce(cast(try_cast(track_text as bigint) as varchar) = cast(track_json as varchar), false)
                then 'track is not a whole number'
            {% endif %}
        end as problem
    from tracks
    where
        track_text is null
        {% if track_type == 'BIGINT' %}
        or not coalesce(cast(try_cast(track_text as bigint) as varchar) = cast(track_json as varchar), false)
        {% endif %}
),

repeated as (
    select
        max(line_number) as line_number,
        'track ' || track_text || ' is listed twice, first in line ' || min(line_number) as problem
    from tracks
    where track_text is not null
    group by track_text
    having count(*) > 1
),

unreadable as (
    select
        line as line_number,
        'not UTF-8, or longer than 2 MB' as problem
    from reject_errors
    inner join reject_scans using (scan_id, file_id)
    where file_path = getvariable('path')
)

select
    line_number,
    problem
from problems
union all
select
    line_number,
    problem
from repeated
union all
select
    line_number,
    problem
from unreadable
order by line_number
limit 1;
