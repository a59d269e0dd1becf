-- interactions: one row per user and track heard.
-- counted_time is what it counts in similarities and scores: centered_time plus the offset.
-- centered_time is h(u, t): the mean over the plays of (time - what is expected), 0 when it is under 1e-9.
{% if centering == 'user' %}
-- Expected is the mean time of the user over all events.
{% elif centering == 'baseline' %}
-- Expected is the mean time of all events plus the biases of the user and of the track.
{% else %}
-- Nothing is expected.
{% endif %}
create table interactions as
with
times as (
    select
        user_times.user_index,
        track_times.popularity_rank,
        plays."user",
        plays.track,
        plays.plays,
        cast(plays.total_time as double) / cast(plays.plays as double) as mean_time,
        {% if centering == 'user' %}
        user_times.mean_time as expected_time
        {% elif centering == 'baseline' %}
        getvariable('mean_time') + user_biases.bias + track_biases.bias as expected_time
        {% else %}
        0.0 as expected_time
        {% endif %}
    from plays
    inner join user_times on plays."user" = user_times."user"
    inner join track_times on plays.track = track_times.track
    {% if centering == 'baseline' %}
    inner join user_biases on user_times.user_index = user_biases.user_index
    inner join track_biases on track_times.popularity_rank - 1 = track_biases.track_index
    {% endif %}
),

centered as (
    select
        *,
        case
            when abs(mean_time - expected_time) < 1e-9 then 0.0
            else mean_time - expected_time
        end as centered_time
    from times
)

select
    "user",
    track,
    plays,
    mean_time,
    centered_time,
    case
        when abs(centered_time + getvariable('time_offset')) < 1e-9 then 0.0
        else centered_time + getvariable('time_offset')
    end as counted_time
from centered
order by user_index, popularity_rank;
