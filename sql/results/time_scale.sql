-- time_scale(): one row: the least and the greatest rating of the build (--scale); null: times are fractions.
-- Tables keep all times as 0 to 1; what is printed is in the scale, by scaled_time and scaled_difference.
create macro time_scale() as table
select
    cast(split_part(options ->> 'scale', ':', 1) as double) as least,
    cast(split_part(options ->> 'scale', ':', 2) as double) as greatest
from build;
