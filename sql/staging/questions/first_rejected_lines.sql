-- first_rejected_lines: one row per rejected line, the first {{ rows }} of them, in the order of the table.
-- beginning: the first 80 characters of the line.
select
    file,
    line_number,
    reason,
    left(line, 80) || case when length(line) > 80 then '…' else '' end as beginning
from rejected_lines
limit {{ rows }};
