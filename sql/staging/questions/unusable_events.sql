-- unusable_events: one row per thing that is wrong with events: their number, the file of the first, the first values.
-- converted: the columns that get another type, and that type. overlaid: a reading of the user's own gave them.
-- fractions: the ids whose type has values that JSON lacks.
with
judged as (
    select
        rowid as position,
        file,
        "user",
        track,
        time,
        {% if overlaid %}latency,{% endif %}
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
            {% if overlaid %}
            when
                not list_contains(
                    list_concat(getvariable('input_files'), getvariable('input_paths')),
                    cast(file as varchar)
                )
                then 'file is none of the logs'
            when not isfinite(try_cast(cast(latency as varchar) as double)) then 'latency is not finite'
            {% endif %}
            {% for column in fractions %}
            when not isfinite("{{ column }}") then '{{ column }} is not finite'
            {% endfor %}
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
            {% if overlaid %}
            when problem = 'latency is not finite' then cast(latency as varchar)
            {% endif %}
            else concat_ws(
                ', ',
                'user ' || cast("user" as varchar),
                'track ' || cast(track as varchar),
                'time ' || cast(time as varchar)
            )
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
