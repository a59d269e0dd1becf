-- random: one row per track of the training part, in an order by lot, which depends on the seed.
create or replace temp view random as
select
    popularity_rank - 1 as track_index,
    row_number() over (
        order by md5(concat_ws(' ', getvariable('seed'), 'track', track))
    ) - 1 as place,
    cast(null as double) as score
from track_times;
