-- repeated_lines: one row: the number of lines that are identical to an earlier line, of those in lines_of_files.
select cast(coalesce(sum(copies - 1), 0) as bigint) as repeated_lines
from (
    select sum(copies) as copies
    from lines_of_files
    group by line_id
) as different_lines;
