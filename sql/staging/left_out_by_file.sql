-- left_out: adds one row per log file with lines that repeat an earlier one, those in left_out_lines.
insert into left_out
select
    file,
    'repeats' as cause,
    count(*) as lines
from left_out_lines
group by file;
