-- options: one row per option of the build that differs, and one for the version of ubcf if it differs.
-- The two databases are attached as old and new.
with
old_options as (
    select
        key as option,
        value ->> '$' as value
    from json_each((select options from old.build))
    union all
    select
        'ubcf' as option,
        version as value
    from old.build
),

new_options as (
    select
        key as option,
        value ->> '$' as value
    from json_each((select options from new.build))
    union all
    select
        'ubcf' as option,
        version as value
    from new.build
)

select
    coalesce(old_options.option, new_options.option) as option,
    old_options.value as old,
    new_options.value as new
from old_options
full outer join new_options on old_options.option = new_options.option
where old_options.value is distinct from new_options.value
order by option;
