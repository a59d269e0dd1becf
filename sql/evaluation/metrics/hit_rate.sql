-- hit_rate: one row per counted user and cut: 1 if a relevant track is at a rank up to the cut, else 0.
create or replace temp view hit_rate as
select
    user_index,
    cut,
    case when hits > 0 then 1.0 else 0.0 end as value,
    1 as weight
from hit_counts;
