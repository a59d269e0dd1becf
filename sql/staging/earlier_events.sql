-- left_out: adds one row per log file with events that are earlier than the first moment that is kept.
-- days: the moment is so many days before the last event; else the variable `since` has it. Events without a
-- timestamp are kept.
set variable first_moment = (
    {% if days %}
    select max(timestamp) - to_days({{ days }})
    from events
    {% else %}
    select getvariable('since')
    {% endif %}
);

insert into left_out
select
    file,
    'since' as cause,
    count(*) as lines
from events
where timestamp < getvariable('first_moment')
group by file;
