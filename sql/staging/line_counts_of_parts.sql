-- line_counts: one row per log file: the number of its lines, with and without the blank ones.
-- As staging/line_counts.sql, where events are in parts: the variables hold what was counted of each file, the lines
-- included that are no text.
create or replace temp table line_counts as
select
    path,
    cast(getvariable('readable_lines')[file_number + 1] as bigint) as readable_lines,
    cast(getvariable('other_lines')[file_number + 1] as bigint) as lines
from input_files;
