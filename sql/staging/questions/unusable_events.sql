-- unusable_events: one row per thing that is wrong with events: their number, the file of the first, the first values.
-- converted: the columns that get another type, and that type.
with
judged as (
    select
        rowid as position,
        file,
        "user",
        track,
        time,
        {% for column in converted %}
        cast("{{ column }}" as varchar) as "{{ column }}_text",
        {% endfor %}
        case
            when file is null then 'file is null'
            when "user" is null then 'user is null'
            when track is null then 'track is null'
            when time is null then 'time is null'
            when coalesce(isnan(try_cast(time as double)), true) then 'time is not a number'
            when try_cast(time as double) not between 0 and 1 then 'time is outside 0 to 1'
            {% for column, type in converted.items() %}
            when
                "{{ column }}" is not null
                and try_cast(cast("{{ column }}" as varchar) as {{ type }}) is null
                then '{{ column }} is no {{ type }}'
            {% endfor %}
        end as problem
    from events
),

shown as (
    select
        position,
        file,
        problem,
        case
            {% for column, type in converted.items() %}
            when problem = '{{ column }} is no {{ type }}' then "{{ column }}_text"
            {% endfor %}
            when starts_with(problem, 'time is') and time is not null then cast(time as varchar)
            else concat_ws(', ', 'user ' || "user", 'track ' || track, 'time ' || time)
        end as text
    from judged
    where problem is not null
)

select
    problem,
    count(*) as events,
    arg_min(file, position) as file,
    array_to_string(arg_min(text, position, 3), '; ') as first_values
from shown
group by problem
order by events desc, problem asc;
