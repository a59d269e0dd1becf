-- {{ table }}: one row per id in a file of tracks, in the order given.
-- A CSV, or a file of ids alone, comes as the relation `given_ids`; JSON lines are read from the variable `path`.
create or replace temp table {{ table }} as
select
    row_number() over () as position,
    {% if form == 'csv' %}
    track_text
from given_ids
    {% elif form == 'json' %}
    track ->> '$' as track_text
from
    read_json(
        getvariable('path'),
        format = 'newline_delimited',
        columns = {'track': 'JSON'},
        hive_partitioning = false
    )
    {% else %}
    cast(null as varchar) as track_text
where false
    {% endif %};
