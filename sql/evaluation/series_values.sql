-- series_values: one row per series and user with a value.
create or replace temp view series_values as
select
    series.series,
    user_values.user_index,
    user_values.value,
    user_values.weight
from user_values
inner join series
    on
        user_values.setting_number = series.setting_number
        and user_values.metric = series.metric
        and user_values.cut is not distinct from series.cut;
