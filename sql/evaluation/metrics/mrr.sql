-- mrr: one row per counted user and cut: 1 / rank of the first relevant track; 0 if none is at a rank up to
-- the cut.
create or replace temp view mrr as
select
    user_index,
    cut,
    coalesce(1.0 / first_rank, 0.0) as value,
    1 as weight
from hit_counts;
