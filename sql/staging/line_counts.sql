-- line_counts: one row per log file: the number of its readable lines, with and without the blank ones.
-- Counts the lines of the files in the variable `log_paths`; in all other files every line is an event.
create or replace temp table line_counts as
select
    path,
    lines as readable_lines,
    lines
from accepted_lines
where are_all
{%- if uncertain %}

union all
select
    path,
    count(*) as readable_lines,
    count(*) filter (where not is_blank) as lines
from log_text
group by path
{%- endif %};
