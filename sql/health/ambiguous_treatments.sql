-- ambiguous_treatments: one row: the number of treatments with two names, which differ in case or in spaces alone.
-- A name is that of an experiment and of its treatment. Not checked if the logs name no experiment.
-- variable max_ambiguous_treatments: the greatest number that is healthy.
with
assignments as (
    select distinct experiments
    from events
),

entries as (
    select
        unnest(map_keys(experiments)) as experiment,
        unnest(map_values(experiments)) as treatment
    from assignments
),

names as (
    select
        lower(trim(experiment)) as same_experiment,
        lower(trim(treatment)) as same_treatment,
        list(distinct experiment || ': ' || treatment) as names
    from entries
    where treatment is not null
    group by same_experiment, same_treatment
),

measured as (
    select
        count(*) as treatments,
        count(*) filter (where len(names) > 1) as figure,
        min(list_sort(names)) filter (where len(names) > 1) as first_names,
        cast(getvariable('max_ambiguous_treatments') as bigint) as threshold
    from names
)

select
    figure,
    threshold,
    case when treatments > 0 then figure <= threshold end as healthy,
    case
        when treatments = 0 then 'the logs name no experiment'
        else format(
            '{:,} of {:,} treatments have names that differ in case or spaces alone{}; '
            || 'at most {:,} is healthy',
            figure,
            treatments,
            case
                when figure > 0
                    then format(
                        ', such as ''{}'' and ''{}''',
                        left(first_names[1], 100),
                        left(first_names[2], 100)
                    )
                else ''
            end,
            threshold
        )
    end as sentence
from measured;
