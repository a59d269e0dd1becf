-- popular_recommendations: adds one row per user without logs and popular track, the same list for each, the best first.
-- The most popular tracks by total time, of those that may be recommended; what fills the lists of others, too.
{% if predict %}
-- predicted_time: what is expected of a user who is not known: the mean time of all events, plus the bias of the track.
{% endif %}
insert into recommendations by name
with
popular as (
    select
        track,
        bias,
        row_number() over (order by popularity_rank) as rank
    from tracks
    where popularity_rank is not null and recommendable
    qualify rank <= getvariable('top')
){% if predict %},

all_events as (
    select sum(mean_time * events order by "user") / sum(events) as mean_time
    from users
){% endif %}

select
    users_without_logs."user",
    popular.rank,
    popular.track,
    0.0 as score,
    false as heard,
    'popularity' as source
    {%- if predict %},
    least(greatest(all_events.mean_time + coalesce(popular.bias, 0.0), 0.0), 1.0) as predicted_time,
    0 as support
    {%- endif %}
    {%- if own_tracks %},
    0 as own_support
    {%- endif %}

from users_without_logs
cross join popular
{% if predict %}
cross join all_events
{% endif %}
order by users_without_logs."user", popular.rank;
