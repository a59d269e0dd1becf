-- accepted_lines: one row per log file: the number of its lines that are events, and whether all its lines are.
create or replace temp table accepted_lines as
with
counted as (
    select
        file,
        count(*) as lines
    from events
    group by file
)

select
    input_files.file_number,
    input_files.file,
    input_files.path,
    coalesce(counted.lines, 0) as lines,
    coalesce(coalesce(counted.lines, 0) = input_files.lines, false) as are_all
from input_files
left join counted on input_files.file = counted.file;
