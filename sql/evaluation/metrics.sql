-- metrics: one row per setting, metric and cut: the value over all users, its confidence interval, and its
-- difference from the first setting.
create table metrics as
with
all_values as (
    select
        series.setting_number,
        series.metric,
        series.cut,
        estimates.value,
        estimates.low,
        estimates.high,
        estimates.users,
        case when series.setting_number > 1 then estimates.difference end as difference,
        case when series.setting_number > 1 then estimates.difference_low end as difference_low,
        case when series.setting_number > 1 then estimates.difference_high end as difference_high
    from estimates
    inner join series on estimates.series = series.series
    union all
    select
        coverage_values.setting_number,
        'coverage' as metric,
        coverage_values.cut,
        coverage_values.value,
        null as low,
        null as high,
        coverage_values.users,
        case
            when coverage_values.setting_number > 1 then coverage_values.value - firsts.value
        end as difference,
        null as difference_low,
        null as difference_high
    from coverage_values
    inner join coverage_values as firsts
        on coverage_values.cut = firsts.cut and firsts.setting_number = 1
)

select
    settings.setting,
    all_values.metric,
    all_values.cut,
    all_values.value,
    all_values.low,
    all_values.high,
    all_values.users,
    all_values.difference,
    all_values.difference_low,
    all_values.difference_high,
    all_values.difference_low > 0 or all_values.difference_high < 0 as significant
from all_values
inner join settings on all_values.setting_number = settings.number
order by
    list_position(getvariable('metric_names'), all_values.metric),
    all_values.cut,
    all_values.setting_number;
