-- experiment_names: one row per experiment of the events and treatment in it, the first 1,000 by name.
with
entries as (
    select unnest(map_entries(experiments)) as entry
    from events
)

select distinct
    entry.key as experiment,
    entry.value as treatment
from entries
order by experiment, treatment
limit 1000;
