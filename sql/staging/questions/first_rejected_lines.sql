-- first_rejected_lines: one row per rejected line, the first {{ rows }} of them, in the order of the table.
select
    file,
    line_number,
    reason
from rejected_lines
limit {{ rows }};
