-- The centered times of a user, each as often as it was played, add up to 0, when the mean of the
-- user was taken from them.
select
    "user",
    sum(plays * centered_time) as sum_of_centered_times
from interactions
where getvariable('centering') = 'user'
group by "user"
having abs(sum(plays * centered_time)) > 1e-6 * sum(plays);
