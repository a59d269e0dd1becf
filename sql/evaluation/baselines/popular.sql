-- popular: one row per track of the training part: the most listened to in all first.
-- score: its total time.
create or replace temp view popular as
select
    popularity_rank - 1 as track_index,
    popularity_rank - 1 as place,
    total_time as score
from track_times;
