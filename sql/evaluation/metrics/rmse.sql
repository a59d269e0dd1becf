-- rmse: one row per user with test tracks: the root mean square error of the predicted times.
-- weight: the number of tracks, so that the value over all users is that over all their tracks.
create or replace temp view rmse as
select
    user_index,
    cast(null as integer) as cut,
    sqrt(sum(power(error, 2) order by pair) / count(*)) as value,
    count(*) as weight
from test_errors
group by user_index;
