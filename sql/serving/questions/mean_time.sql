-- mean_time: one row: the mean time of all events.
select sum(mean_time * events order by "user") / sum(events) as mean_time
from users;
