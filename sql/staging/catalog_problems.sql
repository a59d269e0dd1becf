-- catalog_problems: one row: the first line of the catalog that cannot be used, if there is one.
-- The lines are kept in catalog_lines; what the reader cannot read is known once it has read all.
create or replace temp table catalog_lines as
select
    line_number,
    line
from (
    select
        row_number() over () as line_number,
        line
    from log_text
)
where regexp_matches(line, '[^ \t\r]');

with
parsed as (
    select
        line_number,
        line,
        try(json_transform(line, '{"track": "JSON"}')).track as track_json
    from catalog_lines
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
        case error_type
            when 'INVALID ENCODING' then 'not UTF-8'
            when 'LINE SIZE OVER MAXIMUM' then 'longer than 2 MB'
            else lower(error_type)
        end as problem
    from reject_errors
    inner join reject_scans using (scan_id, file_id)
    where file_path = getvariable('path')
)

-- Up to the first unreadable line, the numbers of the readable ones are true.
select
    line_number,
    problem
from (
    select
        line_number,
        problem,
        1 as place
    from problems
    union all
    select
        line_number,
        problem,
        1 as place
    from repeated
    union all
    select
        line_number,
        problem,
        0 as place
    from unreadable
)
order by line_number, place
limit 1;
