-- hashes_of_events: one row per event: a whole number by which equal events can be found, as in repeated_events.
create or replace temp table hashes_of_events as
select
    cast(
        cast(hash("user", track, time, timestamp, message, latency) as hugeint) - 9223372036854775808
        as bigint
    ) as event_hash
from events;
