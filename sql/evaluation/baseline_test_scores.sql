-- test_scores: one row per pair of truth: the score of the track by the baseline {{ baseline }}.
-- Only best_listened predicts a time: the mean time of the user plus the score. A track that is not in the
-- training part scores 0; the baseline random gives it a random score, like any other track.
create or replace temp table test_scores as
select
    truth.pair,
    {% if baseline == 'random' %}
    row_number() over (
        order by
            md5(concat_ws(' ', getvariable('seed'), 'score', user_times."user", truth.track))
    ) as score,
    {% else %}
    coalesce({{ baseline }}.score, 0.0) as score,
    {% endif %}
    {% if baseline == 'best_listened' %}
    least(greatest(user_times.mean_time + coalesce({{ baseline }}.score, 0.0), 0.0), 1.0)
        as predicted_time
    {% else %}
    cast(null as double) as predicted_time
    {% endif %}
from truth
inner join user_times on truth.user_index = user_times.user_index
left join {{ baseline }} on truth.track_index = {{ baseline }}.track_index
order by truth.pair;
