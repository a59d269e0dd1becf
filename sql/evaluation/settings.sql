-- {{ target }}: one row per setting that is evaluated, in order.
create or replace table {{ target }} as
select
    unnest(range(1, len(getvariable('setting_names')) + 1)) as number,
    unnest(getvariable('setting_names')) as setting,
    unnest(getvariable('setting_kinds')) as kind,
    cast(unnest(getvariable('setting_options')) as json) as options;
