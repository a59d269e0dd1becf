-- undated_events: one row: the number of events without a timestamp.
select count(*) as undated_events
from events
where timestamp is null;
