-- hits: one row per relevant track in the list of a user: its rank, and its gain, the time that the
-- user listened to it in the test part.
create or replace temp view hits as
select
    lists.user_index,
    lists.rank,
    lists.track_index,
    truth.time as gain
from lists
inner join truth on lists.user_index = truth.user_index and lists.track_index = truth.track_index
where truth.relevant;

-- hit_counts: one row per counted user and cut: the relevant tracks in the first places, and the
-- rank of the first of them, null without any.
create or replace temp view hit_counts as
select
    counted_users.user_index,
    cuts.cut,
    count(hits.rank) as hits,
    min(hits.rank) as first_rank,
    any_value(counted_users.relevant_tracks) as relevant_tracks
from counted_users
cross join cuts
left join hits on counted_users.user_index = hits.user_index and hits.rank <= cuts.cut
group by counted_users.user_index, cuts.cut;
