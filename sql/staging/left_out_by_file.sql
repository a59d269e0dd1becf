-- left_out: adds one row per log file with lines that repeat an earlier one, those in left_out_lines.
insert into left_out
select
    input_files.file,
    'repeats' as cause,
    count(*) as lines
from left_out_lines
inner join input_files on left_out_lines.file_number = input_files.file_number
group by input_files.file;
