-- repeated_events: one row: whether events may repeat another one: without one, no line repeats another.
-- Where something else has the same hash, the lines are compared in vain, no more.
select
    exists(
        select 1
        from events
        group by hash("user", track, time, timestamp, message, latency)
        having count(*) > 1
    ) as repeated_events;
