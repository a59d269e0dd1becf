-- user_centers: one row per user: its center, the user's part of the expected time.
-- Without neighbors, the expected time of user and track is users.center + tracks.center.
-- bias: null unless times are centered on the baseline.
create or replace temp view user_centers as
select
    user_times.user_index,
    user_times."user",
    {% if centering == 'baseline' %}
    user_biases.bias,
    getvariable('mean_time') + user_biases.bias as center
    {% else %}
    cast(null as double) as bias,
    {% if centering == 'user' %}user_times.mean_time{% else %}cast(0.0 as double){% endif %} as center
    {% endif %}
from user_times
{% if centering == 'baseline' %}
inner join user_biases on user_times.user_index = user_biases.user_index
{% endif %};
