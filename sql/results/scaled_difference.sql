-- scaled_difference(difference): a macro, a difference between times, such as a centered time, in the scale of the
-- build; without a scale, as it is.
create macro scaled_difference(difference) as coalesce(
    round((select greatest - least from time_scale()) * difference, 12),
    difference
);
