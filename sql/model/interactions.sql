-- interactions: one row per user and track heard.
-- centered_time is h(u, t): the mean over the plays of (time - mean time of the user), 0 when it is under 1e-9.
create table interactions as
with
times as (
    select
        user_times.user_index,
        tracks.popularity_rank,
        plays."user",
        plays.track,
        plays.plays,
        cast(plays.total_time as double) / cast(plays.plays as double) as mean_time,
        user_times.mean_time as user_mean_time
    from plays
    inner join user_times on plays."user" = user_times."user"
    inner join tracks on plays.track = tracks.track
)

select
    "user",
    track,
    plays,
    mean_time,
    case
        when abs(mean_time - user_mean_time) < 1e-9 then 0.0
        else mean_time - user_mean_time
    end as centered_time
from times
order by user_index, popularity_rank;
