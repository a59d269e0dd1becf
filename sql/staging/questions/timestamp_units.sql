-- timestamp_units: one row per unit in which timestamps of {{ lines }} are written, the most frequent first, with one.
-- The size of a number tells its unit: from March 1973 on, a number of seconds has 9 to 11 digits, and each finer
-- unit three more. Smaller numbers tell nothing. The unit null is that of what is no timestamp.
with
sizes as (
    select
        case
            when regexp_full_match(timestamp_text, '-?[1-9][0-9]*') then length(ltrim(timestamp_text, '-'))
        end as digits,
        timestamp_text
    from {{ lines }}
    where
        trim(timestamp_text, '"') <> ''
        and not regexp_full_match(timestamp_text, '0|-?[1-9][0-9]{0,7}')
        {% if where %}
        and ({{ where }})
        {% endif %}
),

units as (
    select
        case
            when digits between 9 and 11 then 'seconds'
            when digits between 12 and 14 then 'milliseconds'
            when digits between 15 and 17 then 'microseconds'
            when digits between 18 and 19 then 'nanoseconds'
            when iso_timestamp(trim(timestamp_text, '"')) is not null then 'ISO 8601 text'
        end as unit,
        timestamp_text
    from sizes
)

select
    unit,
    count(*) as lines,
    left(min(timestamp_text), 100) as example
from units
group by unit
order by lines desc, unit asc;
