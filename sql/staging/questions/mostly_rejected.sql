-- mostly_rejected: one row: whether fewer than half of the lines are events, where the lines are counted by the bytes.
select coalesce(sum(lines) > 2 * (select count(*) from events), false) as mostly_rejected
from input_files;
