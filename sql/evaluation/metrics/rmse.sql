-- rmse: one row per user with test tracks: the root mean square error of the predicted times.
-- weight: the number of tracks, so that the value over all users is that over all their tracks.
create or replace temp view rmse as
select
    truth.user_index,
    cast(null as integer) as cut,
    sqrt(
        sum(power(test_scores.predicted_time - truth.time, 2) order by truth.pair) / count(*)
    ) as value,
    count(*) as weight
from truth
inner join test_scores on truth.pair = test_scores.pair
where test_scores.predicted_time is not null
group by truth.user_index;
