-- repeated_events: one row: whether some events may repeat others. If none do, no line repeats another.
-- Different events with equal hashes do no harm: they only cause a comparison of the lines.
select
    exists(
        select 1
        from events
        group by hash("user", track, time, timestamp, message, latency)
        having count(*) > 1
    ) as repeated_events;
