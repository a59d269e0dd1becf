-- popular: one row per track in the training part: its score, and its position by popularity, from 0.
-- score: the total time of the track.
create or replace temp view popular as
select
    popularity_rank - 1 as track_index,
    popularity_rank - 1 as position,
    total_time as score
from track_times;
