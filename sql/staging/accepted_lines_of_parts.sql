-- accepted_lines: one row per log file: the number of its lines that are events, and whether all its lines are.
-- As staging/accepted_lines.sql, where events are in parts: the variable holds what was counted of each file.
create or replace temp table accepted_lines as
with
counted as (
    select
        *,
        cast(getvariable('accepted_lines')[file_number + 1] as bigint) as accepted
    from input_files
)

select
    file_number,
    file,
    path,
    accepted as lines,
    coalesce(accepted = lines, false) as are_all
from counted;
