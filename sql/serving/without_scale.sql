-- without_scale: macros that hide those of a build without a scale, whose times are what they are.
-- They do the same, and each use of them is planned in no time: those of the build look for a scale.
create or replace temp macro scaled_time(fraction) as cast(fraction as double);

create or replace temp macro scaled_difference(difference) as cast(difference as double);
