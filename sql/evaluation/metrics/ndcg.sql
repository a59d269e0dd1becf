-- ndcg: one row per counted user and cut: the discounted gain of the list, divided by that of the best list.
-- The discounted gain is the sum, over the relevant tracks at the ranks up to the cut, of the gain of the
-- track divided by log2(rank + 1). The best list has all relevant tracks, the greatest gain first.
create or replace temp view ndcg as
with
found as (
    select
        hits.user_index,
        cuts.cut,
        sum(hits.gain / log2(hits.rank + 1) order by hits.rank) as gain
    from hits
    inner join cuts on hits.rank <= cuts.cut
    group by hits.user_index, cuts.cut
),

best_list as (
    select
        user_index,
        time as gain,
        row_number() over (partition by user_index order by time desc) as rank
    from truth
    where relevant
),

best as (
    select
        best_list.user_index,
        cuts.cut,
        sum(best_list.gain / log2(best_list.rank + 1) order by best_list.rank) as gain
    from best_list
    inner join cuts on best_list.rank <= cuts.cut
    group by best_list.user_index, cuts.cut
)

select
    best.user_index,
    best.cut,
    coalesce(found.gain, 0.0) / best.gain as value,
    1 as weight
from best
left join found on best.user_index = found.user_index and best.cut = found.cut;
