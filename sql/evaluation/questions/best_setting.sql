-- best_setting: one row: the best setting that was tried, the earliest among equals.
select setting
from tuning
where chosen;
