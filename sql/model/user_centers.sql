-- user_centers: one row per user: its center, the user's part of the expected time.
-- The expected time of a user on a track, before any neighbor is considered, is the sum of their centers:
-- the mean time of the user (centering 'user'); the mean time of all events plus the biases of the user and
-- of the track ('baseline'); 0 ('none'). The bias is null without a baseline.
create or replace temp view user_centers as
select
    user_times.user_index,
    user_times."user",
    {% if centering == 'baseline' %}
    user_biases.bias,
    {{ variable('mean_time') }} + user_biases.bias as center
    {% elif centering == 'user' %}
    cast(null as double) as bias,
    user_times.mean_time as center
    {% else %}
    cast(null as double) as bias,
    cast(0.0 as double) as center
    {% endif %}
from user_times
{% if centering == 'baseline' %}
inner join user_biases on user_times.user_index = user_biases.user_index
{% endif %};
