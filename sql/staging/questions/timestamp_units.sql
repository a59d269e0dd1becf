-- timestamp_units: one row per unit in which timestamps of log lines are written, the most frequent first.
-- The size of a number tells its unit: from March 1973 on, a number of seconds has 9 to 11 digits, and each finer
-- unit three more. Smaller numbers tell nothing. few_lines: only the first lines are looked at.
with
texts as (
    select cast(try(json_transform(line, '{"timestamp": "JSON"}')).timestamp as varchar) as text
    from (
        select line
        from log_text
        {% if few_lines %}
        limit 200
        {% endif %}
    )
),

sizes as (
    select
        case
            when starts_with(text, '"') then 0
            when regexp_full_match(text, '-?[1-9][0-9]*') then length(ltrim(text, '-'))
        end as digits,
        text
    from texts
),

units as (
    select case
        when digits = 0 and iso_timestamp(trim(text, '"')) is not null then 'ISO 8601 text'
        when digits between 9 and 11 then 'seconds'
        when digits between 12 and 14 then 'milliseconds'
        when digits between 15 and 17 then 'microseconds'
        when digits between 18 and 19 then 'nanoseconds'
    end as unit
    from sizes
)

select
    unit,
    count(*) as lines
from units
where unit is not null
group by unit
order by lines desc, unit asc;
