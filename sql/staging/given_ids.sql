-- {{ table }}: one row per id in a file of {{ field }}s, in the order given.
-- A CSV, or a file of ids alone, comes as the relation `given_texts`; JSON lines are read from the variable `path`.
create or replace temp table {{ table }} as
select
    row_number() over () as position,
    {% if form == 'csv' %}
    {{ field }}_text as id_text
from given_texts
    {% elif form == 'json' %}
    "{{ field }}" ->> '$' as id_text
from
    read_json(
        getvariable('path'),
        format = 'newline_delimited',
        columns = {'{{ field }}': 'JSON'},
        hive_partitioning = false
    )
    {% else %}
    cast(null as varchar) as id_text
where false
    {% endif %};
