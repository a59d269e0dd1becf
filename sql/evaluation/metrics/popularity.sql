-- popularity: one row per counted user and cut: the mean total time, in the training part, of the tracks at
-- the ranks up to the cut.
create or replace temp view popularity as
select
    lists.user_index,
    cuts.cut,
    cast(sum(cast(track_times.total_time as decimal(38, 20))) as double) / count(*) as value,
    1 as weight
from lists
inner join cuts on lists.rank <= cuts.cut
inner join track_times on lists.track_index = track_times.popularity_rank - 1
group by lists.user_index, cuts.cut;
