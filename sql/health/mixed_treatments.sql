-- mixed_treatments: one row: the share of the users of an experiment who were under several of its treatments.
-- Of the experiment with the greatest share; not checked if the logs name no experiment.
-- variable max_mixed_treatments: the greatest share that is healthy.
with
assignments as (
    select distinct
        "user",
        experiments
    from events
),

entries as (
    select
        "user",
        unnest(map_keys(experiments)) as experiment,
        unnest(map_values(experiments)) as treatment
    from assignments
),

users_of_experiments as (
    select
        experiment,
        "user",
        count(distinct treatment) as treatments
    from entries
    where treatment is not null
    group by experiment, "user"
),

shares as (
    select
        experiment,
        count(*) as users,
        count(*) filter (where treatments > 1) as mixed
    from users_of_experiments
    group by experiment
    order by
        mixed / users desc,
        experiment asc
    limit 1
),

measured as (
    select
        shares.experiment,
        shares.users,
        shares.mixed,
        shares.mixed / shares.users as figure,
        thresholds.threshold
    from (select cast(getvariable('max_mixed_treatments') as double) as threshold) as thresholds
    left join shares on true
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    case
        when figure is null then 'the logs name no experiment'
        else format(
            '{:,} of {:,} users ({:.3g} %) of the experiment {} were under several treatments; '
            || 'at most {:.3g} % is healthy',
            mixed,
            users,
            100 * figure,
            left(experiment, 100),
            100 * threshold
        )
    end as sentence
from measured;
