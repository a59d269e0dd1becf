-- precision: one row per counted user and cut: the share of the ranks up to the cut with a relevant track.
create or replace temp view precision as
select
    user_index,
    cut,
    cast(hits as double) / cut as value,
    1 as weight
from hit_counts;
