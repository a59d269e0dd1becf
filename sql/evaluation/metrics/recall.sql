-- recall: one row per counted user and cut: the share of the relevant tracks that are at a rank up to the cut.
create or replace temp view recall as
select
    user_index,
    cut,
    cast(hits as double) / relevant_tracks as value,
    1 as weight
from hit_counts;
