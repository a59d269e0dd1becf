-- hits: one row per relevant track in the list of its user: its rank, and its gain.
-- gain: the mean time that the user listened to it in the test part.
create or replace temp view hits as
select
    lists.user_index,
    lists.rank,
    lists.track_index,
    truth.time as gain
from lists
inner join truth on lists.user_index = truth.user_index and lists.track_index = truth.track_index
where truth.relevant;
