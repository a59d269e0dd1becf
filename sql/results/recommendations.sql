-- recommendations: one row per user and recommended track, the best first.
create table recommendations as
select
    user_times."user",
    top_tracks.rank,
    tracks.track,
    top_tracks.score,
    top_tracks.heard
    {%- if predict %},
    -- what is expected without neighbors, and how far they take it from there; a time is from 0 to 1
    least(
        greatest(
            {% if centering == 'user' %}
            user_times.mean_time
            {% elif centering == 'baseline' %}
            getvariable('mean_time') + user_biases.bias + tracks.bias
            {% else %}
            0.0
            {% endif %}
            + top_tracks.deviation,
            0.0
        ),
        1.0
    ) as predicted_time,
    top_tracks.support
    {%- endif %}

from top_tracks
inner join user_times on top_tracks.user_index = user_times.user_index
inner join tracks on top_tracks.track_index = tracks.popularity_rank - 1
{% if predict and centering == 'baseline' %}
inner join user_biases on top_tracks.user_index = user_biases.user_index
{% endif %}
order by top_tracks.user_index, top_tracks.rank;
