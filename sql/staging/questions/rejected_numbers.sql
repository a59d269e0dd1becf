-- rejected_numbers: one row per rejected line, in the order of the table: its file and number.
select
    file,
    line_number
from rejected_lines
order by rowid;
