-- undated_events: one row: the events that do not say when they were.
select count(*) as undated_events
from {{ source }}
where timestamp is null;
