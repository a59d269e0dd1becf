-- user_values: adds one row per user, metric and cut for one setting; metrics/ defines the values.
create temp table if not exists user_values (
    setting_number integer,
    metric varchar,
    cut integer,
    user_index integer,
    value double,
    weight bigint
);

insert into user_values
{% for metric in metrics %}
select
    cast(getvariable('setting_number') as integer) as setting_number,
    '{{ metric }}' as metric,
    cut,
    user_index,
    value,
    weight
from {{ metric }}
{% if not loop.last %}
union all
{% endif %}
{% endfor %};
