-- tuning: one row per setting tried on the validation split, in the order of the trials.
-- sign: 1 if greater values of the metric are better, -1 if smaller ones are.
create table tuning as
with
tried as (
    select
        tried_settings.number as trial,
        tried_settings.setting,
        series.metric,
        series.cut,
        estimates.value,
        estimates.low,
        estimates.high,
        estimates.users,
        estimates.value * getvariable('sign') as goodness
    from estimates
    inner join series on estimates.series = series.series
    inner join tried_settings on series.setting_number = tried_settings.number
    where series.cut is not distinct from cast(getvariable('tuned_cut') as integer)
)

select
    trial,
    setting,
    metric,
    cut,
    value,
    low,
    high,
    users,
    goodness > coalesce(
        max(goodness) over (order by trial rows between unbounded preceding and 1 preceding),
        cast('-infinity' as double)
    ) as best_so_far,
    row_number() over (order by goodness desc, trial asc) = 1 as chosen
from tried
order by trial;
