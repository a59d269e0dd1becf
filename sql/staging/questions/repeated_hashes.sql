-- repeated_hashes: one row: the number of events whose hash in hashes_of_events an earlier one has.
select cast(count(*) - count(distinct event_hash) as bigint) as repeated_hashes
from hashes_of_events;
