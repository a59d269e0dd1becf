-- precision: one row per counted user and cut: the share of the first places that has a relevant track.
create or replace temp view precision as
select
    user_index,
    cut,
    cast(hits as double) / cut as value,
    1 as weight
from hit_counts;
