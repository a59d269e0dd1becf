-- hit_counts: one row per counted user and cut: the number of relevant tracks at the ranks up to the cut.
-- first_rank: the first of these ranks; null if there is none.
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
