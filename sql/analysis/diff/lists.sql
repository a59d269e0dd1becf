-- lists: one row: how much the lists changed, over the users in both databases; computed from list_changes.
-- identical: lists with the same tracks in the same order.
-- The sums of the means are of decimals, exact whatever the order.
select
    count(*) as users,
    count(*) filter (where identical) as identical,
    count(*) filter (where identical) / nullif(count(*), 0) as identical_share,
    cast(sum(cast(overlap_10 as decimal(38, 20))) as double) / nullif(count(*), 0)
        as mean_overlap_10,
    cast(sum(cast(overlap_100 as decimal(38, 20))) as double) / nullif(count(*), 0)
        as mean_overlap_100,
    cast(sum(cast(rbo as decimal(38, 20))) as double) / nullif(count(*), 0) as mean_rbo
from list_changes;
