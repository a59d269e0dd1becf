-- left_out: adds one row per log file with lines that an option leaves out, the variable `left_out_cause`.
-- As staging/left_out_of_file.sql and staging/left_out_by_file.sql, where events are in parts: the variable
-- `left_out_lines` holds the number for each file.
insert into left_out
with
counted as (
    select
        file,
        cast(getvariable('left_out_lines')[file_number + 1] as bigint) as lines
    from input_files
)

select
    file,
    getvariable('left_out_cause') as cause,
    lines
from counted
where lines > 0;
