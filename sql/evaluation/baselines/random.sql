-- random: one row per track in the training part: its position, from 0, in an order shuffled by the seed.
create or replace temp view random as
select
    popularity_rank - 1 as track_index,
    row_number() over (
        order by md5(concat_ws(' ', getvariable('seed'), 'track', track))
    ) - 1 as position,
    cast(null as double) as score
from track_times;
