-- damaged_lines: one row per rejected line that is not UTF-8, in the order of the table.
-- Of a long one, DuckDB keeps only a part: up to 10,000 bytes.
select
    file,
    line_number
from rejected_lines
where reason = 'not UTF-8'
order by rowid;
