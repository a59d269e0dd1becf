-- scaled_time(fraction): a macro, a time from 0 to 1 in the scale of the build; without a scale, as it is.
-- Rounded, so that a rating of 4 is not printed as 3.9999999999999996.
create macro scaled_time(fraction) as coalesce(
    round(
        (select least from time_scale()) + (select greatest - least from time_scale()) * fraction,
        12
    ),
    fraction
);
