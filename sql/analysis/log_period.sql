-- log_period: one row: the times of the first and the last event in the logs, UTC.
select
    min(timestamp) as first_event,
    max(timestamp) as last_event
from events;
