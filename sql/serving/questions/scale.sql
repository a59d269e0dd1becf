-- scale: one row if the build has a scale (--scale): its least and its greatest rating.
select
    least,
    greatest
from time_scale()
where least is not null;
