-- pairs: one row per pair of a user and a track in the file in the variable `path`, in its order.
create or replace temp table pairs as
select
    row_number() over () as position,
    {% if form == 'csv' %}
    "user" as user_text,
    track as track_text
from read_csv(getvariable('path'), header = true, all_varchar = true, parallel = false)
    {% else %}
    "user" ->> '$' as user_text,
    track ->> '$' as track_text
from
    read_json(
        getvariable('path'),
        format = 'newline_delimited',
        columns = {'user': 'JSON', 'track': 'JSON'}
    )
    {% endif %};
