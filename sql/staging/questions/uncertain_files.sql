-- uncertain_files: one row per log file that may have lines that are not events: blank or rejected ones.
select input_files.path
from input_files
inner join accepted_lines on input_files.file_number = accepted_lines.file_number
where input_files.bytes > 0 and not accepted_lines.are_all
order by input_files.file_number;
