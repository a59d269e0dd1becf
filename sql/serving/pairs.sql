-- pairs: one row per given pair of a user and a track, in the order given.
create or replace temp table pairs as
select
    row_number() over () as position,
    {% if form == 'csv' %}
    user_text,
    track_text
from given_pairs
    {% else %}
    "user" ->> '$' as user_text,
    track ->> '$' as track_text
from
    read_json(
        getvariable('path'),
        format = 'newline_delimited',
        columns = {'user': 'JSON', 'track': 'JSON'},
        hive_partitioning = false
    )
    {% endif %};
