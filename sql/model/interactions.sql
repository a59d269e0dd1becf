-- interactions: one row per user and track heard.
-- centered_time is h(u, t): the mean over the plays of (time - expected time); 0 if its magnitude is below 1e-9.
-- counted_time is what the interaction contributes to similarities and scores: centered_time plus the offset.
create table interactions as
with
times as (
    select
        user_centers.user_index,
        track_centers.popularity_rank,
        plays."user",
        plays.track,
        plays.plays,
        cast(plays.total_time as double) / cast(plays.plays as double) as mean_time,
        user_centers.center + track_centers.center as expected_time
    from plays
    inner join user_centers on plays."user" = user_centers."user"
    inner join track_centers on plays.track = track_centers.track
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
        when abs(centered_time + {{ variable('time_offset') }}) < 1e-9 then 0.0
        else centered_time + {{ variable('time_offset') }}
    end as counted_time
from centered
order by user_index, popularity_rank;
