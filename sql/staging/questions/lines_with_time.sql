-- lines_with_time: one row: how many lines of {{ lines }} have a time.
select count(time_text) as lines_with_time
from {{ lines }}
{% if where %}
where {{ where }}
{% endif %};
