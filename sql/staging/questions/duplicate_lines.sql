-- duplicate_lines: one row: the number of lines that are identical to an earlier line of any file.
select coalesce(sum(copies - 1), 0) as duplicate_lines
from (
    select count(*) as copies
    from log_text
    where not is_blank
    group by hash(line)
    having count(*) > 1
);
