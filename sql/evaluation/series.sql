-- series: one row per setting, metric and cut for which users have values.
-- series: the number of the row, from 0. first: the number of the series of the first setting with the same
-- metric and cut, or -1.
create or replace temp table series as
with
found as (
    select distinct
        setting_number,
        metric,
        cut
    from user_values
),

numbered as (
    select
        cast(
            row_number() over (order by setting_number, metric, cut nulls last) - 1
            as integer
        ) as series,
        setting_number,
        metric,
        cut
    from found
)

select
    numbered.series,
    numbered.setting_number,
    numbered.metric,
    numbered.cut,
    coalesce(firsts.series, -1) as first,
    numbered.metric = 'rmse' as quadratic
from numbered
left join numbered as firsts
    on
        numbered.metric = firsts.metric
        and numbered.cut is not distinct from firsts.cut
        and firsts.setting_number = 1
order by numbered.series;
