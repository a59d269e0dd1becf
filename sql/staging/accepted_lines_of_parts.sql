-- accepted_lines: one row per log file: the number of its lines that are events, and whether all its lines are.
-- As staging/accepted_lines.sql, where events are in parts: the variables hold what was counted of each file.
create or replace temp table accepted_lines as
select
    file_number,
    file,
    path,
    cast(getvariable('accepted_lines')[file_number + 1] as bigint) as lines,
    getvariable('are_all_accepted')[file_number + 1] as are_all
from input_files;
