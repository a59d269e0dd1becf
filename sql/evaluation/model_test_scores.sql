-- test_scores: one row per row of truth: the score of the track by the model, and the predicted time.
-- The time is what is expected without neighbors, and how far these take it from there, 0 to 1. Of a
-- track that the training part does not know, they say nothing.
create or replace temp table test_scores as
select
    truth.pair,
    pair_scores.score,
    least(
        greatest(
            {% if centering == 'user' %}
            user_times.mean_time
            {% elif centering == 'baseline' %}
            getvariable('mean_time') + user_biases.bias + coalesce(track_biases.bias, 0.0)
            {% else %}
            0.0
            {% endif %}
            + pair_scores.deviation,
            0.0
        ),
        1.0
    ) as predicted_time
from truth
inner join pair_scores on truth.pair = pair_scores.pair
inner join user_times on truth.user_index = user_times.user_index
{% if centering == 'baseline' %}
inner join user_biases on truth.user_index = user_biases.user_index
left join track_biases on truth.track_index = track_biases.track_index
{% endif %}
order by truth.pair asc;
