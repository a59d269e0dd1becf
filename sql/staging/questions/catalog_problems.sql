-- catalog_problems: one row if a line of the catalog cannot be used: the first such line, and why.
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
        1 as priority
    from judged
    where problem is not null
    union all
    select
        line_number,
        problem,
        1 as priority
    from repeated
    union all
    select
        line_number,
        reason as problem,
        0 as priority
    from unreadable_lines
    where path = getvariable('path')
)

-- Only readable lines are numbered: the numbers are right up to the first unreadable line, which
-- comes first among problems of the same number.
select
    line_number,
    problem
from problems
order by line_number, priority
limit 1;
