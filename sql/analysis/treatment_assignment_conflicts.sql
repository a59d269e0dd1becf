-- treatment_assignment_conflicts: one row per experiment and user seen under several of its treatments.
-- variable experiment: name of the experiment (default: all).
with
entries as (
    select
        "user",
        timestamp,
        unnest(map_keys(experiments)) as experiment,
        unnest(map_values(experiments)) as treatment
    from events
),

assignments as (
    select
        experiment,
        "user",
        treatment,
        count(*) as events,
        min(timestamp) as first_seen_at
    from entries
    where
        treatment is not null
        and (
            getvariable('experiment') is null
            or experiment = cast(getvariable('experiment') as varchar)
        )
    group by experiment, "user", treatment
)

select
    experiment,
    "user",
    list(treatment order by treatment) as treatments,
    list(events order by treatment) as events,
    list(first_seen_at order by treatment) as first_seen_at
from assignments
group by experiment, "user"
having count(*) > 1
order by experiment, "user";
