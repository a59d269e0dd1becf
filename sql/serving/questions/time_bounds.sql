-- time_bounds: one row: the least and the greatest time of a play, in the scale of the build.
select
    scaled_time(0.0) as least,
    scaled_time(1.0) as greatest;
