-- mae: one row per user with test tracks: the mean absolute error of the predicted times.
-- weight: the number of tracks, so that the value over all users is the mean over all their tracks.
create or replace temp view mae as
select
    user_index,
    cast(null as integer) as cut,
    sum(abs(error) order by pair) / count(*) as value,
    count(*) as weight
from test_errors
group by user_index;
