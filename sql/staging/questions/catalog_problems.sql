-- catalog_problems: one row: the first line of the catalog that cannot be used, if there is one.
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
        cast(track_json as varchar) as track_as_written,
        track_json ->> '$' as track_text
    from parsed
),

judged as (
    select
        line_number,
        case
            {% if track_type == 'BIGINT' %}
            when cast(try_cast(track_text as bigint) as varchar) = track_as_written then null
            {% else %}
            when track_text is not null then null
            {% endif %}
            when not json_valid(line) then 'not JSON'
            when json_type(line) <> 'OBJECT' then 'not an object'
            when track_text is null then 'track is missing'
            else 'track is not a whole number'
        end as problem
    from tracks
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

problems as (
    select
        line_number,
        problem,
        1 as place
    from judged
    where problem is not null
    union all
    select
        line_number,
        problem,
        1 as place
    from repeated
    union all
    select
        line_number,
        reason as problem,
        0 as place
    from unreadable_lines
    where path = getvariable('path')
)

-- Up to the first unreadable line, the numbers of the readable ones are true.
select
    line_number,
    problem
from problems
order by line_number, place
limit 1;
