-- centered_times_cancel: one row per user whose centered times, weighted by plays, do not add up to 0.
-- Checked only with centering 'user', which subtracts the mean time of the user.
select
    "user",
    sum(plays * centered_time) as sum_of_centered_times
from interactions
where {{ variable('centering') }} = 'user'
group by "user"
having abs(sum(plays * centered_time)) > 1e-6 * sum(plays);
