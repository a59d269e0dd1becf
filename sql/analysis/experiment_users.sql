-- experiment_users: one row per treatment of an experiment and user seen under it: its own means.
-- A session ends with an event whose message is 'last' (see sessions), and is cut where the
-- treatment changes; what a user did outside the experiment is left out.
-- variable experiment: name of the experiment.
with
told as (
    select
        "user",
        timestamp,
        track,
        time,
        latency,
        coalesce(cast(message as varchar) = 'last', false) as is_last,
        map_extract_value(
            cast(experiments as map(varchar, varchar)), cast(getvariable('experiment') as varchar)
        ) as treatment
    from events
),

sequenced as (
    select
        "user",
        time,
        latency,
        treatment,
        lag(is_last, 1, true) over in_order as follows_an_end,
        lag(treatment) over in_order as previous_treatment
    from told
    window in_order as (
        partition by "user" order by timestamp, is_last, track, time, latency, treatment
    )
),

-- Times are added as decimals and latencies in order, so the sums do not depend on the threads.
totals as (
    select
        treatment,
        "user",
        count(*) as events,
        count(*) filter (
            where follows_an_end or treatment is distinct from previous_treatment
        ) as sessions,
        cast(sum(cast(cast(time as varchar) as decimal(38, 20))) as double) as total_time,
        avg(latency order by latency) as request_latency
    from sequenced
    where treatment is not null
    group by treatment, "user"
)

select
    treatment,
    "user",
    sessions,
    events / sessions as tracks_per_session,
    total_time / sessions as time_per_session,
    request_latency
from totals
order by treatment, "user";
