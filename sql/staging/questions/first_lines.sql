-- first_lines: one row: the number of lines, blank ones aside, at most {{ most }}.
select count(*) as first_lines
from (
    select 1
    from log_text
    where not is_blank
    limit {{ most }}
);
