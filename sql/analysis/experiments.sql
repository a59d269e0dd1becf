-- experiments: one row per experiment and treatment: its users, and those also seen under another treatment.
-- variable experiment: name of the experiment (default: all).
with
entries as (
    select
        "user",
        unnest(map_keys(experiments)) as experiment,
        unnest(map_values(experiments)) as treatment
    from events
),

assignments as (
    select
        experiment,
        treatment,
        "user",
        count(*) as events
    from entries
    where
        treatment is not null
        and (
            getvariable('experiment') is null
            or experiment = cast(getvariable('experiment') as varchar)
        )
    group by experiment, treatment, "user"
),

counted as (
    select
        experiment,
        treatment,
        events,
        count(*) over (partition by experiment, "user") as treatments_of_user
    from assignments
)

select
    experiment,
    treatment,
    count(*) as users,
    count(*) filter (where treatments_of_user > 1) as users_in_other_treatments,
    cast(sum(events) as bigint) as events
from counted
group by experiment, treatment
order by experiment, treatment;
