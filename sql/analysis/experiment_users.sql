-- experiment_users: one row per treatment of an experiment and user seen under it: the user's metrics.
-- A session ends with an event whose message is 'last' (see sessions), or where the treatment changes.
-- Events outside the experiment are left out. time_per_user: listening time, in tracks.
-- request_latency: the mean latency, in seconds.
-- variable experiment: name of the experiment.
with
marked as (
    select
        "user",
        timestamp,
        track,
        time,
        latency,
        coalesce(message = 'last', false) as is_last,
        map_extract_value(experiments, cast(getvariable('experiment') as varchar)) as treatment
    from events
),

sequenced as (
    select
        "user",
        time,
        latency,
        treatment,
        lag(is_last, 1, true) over in_order as starts_session,
        lag(treatment) over in_order as previous_treatment
    from marked
    window in_order as (
        partition by "user" order by timestamp, is_last, track, time, latency, treatment
    )
),

-- Decimal times and ordered latencies: the sums do not depend on the threads.
totals as (
    select
        treatment,
        "user",
        count(*) as events,
        count(*) filter (
            where starts_session or treatment is distinct from previous_treatment
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
    total_time as time_per_user,
    sessions,
    events / sessions as tracks_per_session,
    total_time / sessions as time_per_session,
    request_latency
from totals
order by treatment, "user";
