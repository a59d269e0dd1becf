-- duplicate_lines: one row: how many lines repeat, to the letter, a line of this or another file.
select coalesce(sum(copies - 1), 0) as duplicate_lines
from (
    select count(*) as copies
    from log_text
    where not is_blank
    group by hash(line)
    having count(*) > 1
);
