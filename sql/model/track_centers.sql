-- track_centers: one row per track in the logs: its center, the track's part of the expected time.
-- See user_centers. The bias is null without a baseline.
create or replace temp view track_centers as
select
    track_times.popularity_rank,
    track_times.track,
    {% if centering == 'baseline' %}
    track_biases.bias,
    track_biases.bias as center
    {% else %}
    cast(null as double) as bias,
    cast(0.0 as double) as center
    {% endif %}
from track_times
{% if centering == 'baseline' %}
inner join track_biases on track_times.popularity_rank - 1 = track_biases.track_index
{% endif %};
