-- series: one row per setting, metric and cut that users have values of.
-- series: its number, from 0. first: the number of the same metric and cut of the first setting.
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
