-- truth: one row per user in the training part and track that the user played in the test part.
-- pair: the number of the row, from 0. track_index: null if the track is not in the training part.
-- time: the mean time of these plays. relevant: whether it exceeds the mean time of the user in the
-- training part by at least 1e-9.
{% if exclude_heard %}
-- Tracks that the user heard in the training part are left out: they are not recommended either.
{% endif %}
create or replace temp table truth as
with
test_plays as (
    select
        "user",
        track,
        cast(sum(cast(cast(time as varchar) as decimal(38, 20))) as double)
        / cast(count(*) as double) as time
    from test_events
    group by "user", track
)

select
    row_number() over (order by user_times.user_index, test_plays.track) - 1 as pair,
    cast(user_times.user_index as integer) as user_index,
    cast(track_times.popularity_rank - 1 as integer) as track_index,
    test_plays.track,
    test_plays.time,
    test_plays.time - user_times.mean_time >= 1e-9 as relevant
from test_plays
inner join user_times on test_plays."user" = user_times."user"
left join track_times on test_plays.track = track_times.track
{% if exclude_heard %}
left join plays on test_plays."user" = plays."user" and test_plays.track = plays.track
where plays.track is null
{% endif %}
order by pair;
