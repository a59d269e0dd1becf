-- left_out: adds one row: the lines of one file, the only one in the variable `log_paths`, that --where leaves out.
insert into left_out
select
    getvariable('file') as file,
    'where' as cause,
    count(*) as lines
from numbered_log_lines
where is_left_out
having count(*) > 0;
