-- sessions: one row per session: the events of a user up to one whose message is 'last'.
-- Events are in order of time; at equal times 'next' comes before 'last', then the smaller track first.
-- ended: false for a session whose 'last' is not in the logs.
-- variable user: whose sessions (default: all users).
with
marked as (
    select
        "user",
        timestamp,
        track,
        time,
        latency,
        coalesce(message = 'last', false) as is_last
    from events
    where getvariable('user') is null or "user" = getvariable('user')
),

numbered as (
    select
        "user",
        timestamp,
        time,
        latency,
        is_last,
        1 + count(*) filter (where is_last) over (
            partition by "user"
            order by timestamp, is_last, track, time, latency
            rows between unbounded preceding and 1 preceding
        ) as session
    from marked
)

-- Decimal times and ordered latencies: the sums do not depend on the threads.
select
    "user",
    session,
    min(timestamp) as started_at,
    count(*) as tracks,
    cast(sum(cast(cast(time as varchar) as decimal(38, 20))) as double) as total_time,
    avg(latency order by latency) as mean_latency,
    bool_or(is_last) as ended
from numbered
group by "user", session
order by "user", session;
