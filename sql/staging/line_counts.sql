-- line_counts: one row per log file that has a line: its readable lines with and without the blank ones.
create or replace temp table line_counts as
select
    path,
    count(*) as readable_lines,
    count(*) filter (where not is_blank) as lines
from log_text
group by path;
