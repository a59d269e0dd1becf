-- metrics_by_user: one row per setting, metric, cut and user: the value of the metric for the user.
create table metrics_by_user as
select
    settings.setting,
    user_values.metric,
    user_values.cut,
    user_times."user",
    user_values.value,
    user_values.weight
from user_values
inner join settings on user_values.setting_number = settings.number
inner join user_times on user_values.user_index = user_times.user_index
order by
    list_position(getvariable('metric_names'), user_values.metric),
    user_values.cut,
    user_values.setting_number,
    user_values.user_index;
