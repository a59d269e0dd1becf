-- test_errors: one row per pair of truth whose time is predicted: the predicted minus the real time, in the scale of
-- the logs.
create or replace temp view test_errors as
select
    truth.pair,
    truth.user_index,
    (test_scores.predicted_time - truth.time)
    * (getvariable('time_most') - getvariable('time_least')) as error
from truth
inner join test_scores on truth.pair = test_scores.pair
where test_scores.predicted_time is not null;
