-- log_period: one row: when the first and the last event of the logs were, UTC.
select
    min(timestamp) as first_event,
    max(timestamp) as last_event
from events;
