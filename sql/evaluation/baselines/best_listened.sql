-- best_listened: one row per track in the training part: its score, and its position by score, from 0.
-- score: the mean over the listeners of the centered time (mean time on the track less that of the user),
-- shrunk toward 0 as if 10 more listeners had a centered time of 0: one listener is little evidence.
create or replace temp view best_listened as
with
scores as (
    select
        track_times.popularity_rank - 1 as track_index,
        cast(
            sum(cast(
                cast(plays.total_time as double) / plays.plays - user_times.mean_time
                as decimal(38, 20)
            ))
            as double
        ) / (10 + count(*)) as score
    from plays
    inner join user_times on plays."user" = user_times."user"
    inner join track_times on plays.track = track_times.track
    group by track_times.popularity_rank
)

select
    track_index,
    row_number() over (order by score desc, track_index asc) - 1 as position,
    score
from scores;
