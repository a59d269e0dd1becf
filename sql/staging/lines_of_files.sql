-- lines_of_files: one row per log file and different line, blank ones aside: how often the file has it.
-- line_id: equal lines have the same one.
create or replace temp table lines_of_files as
select
    input_files.file_number,
    hash(log_text.line) as line_id,
    count(*) as copies
from log_text
inner join input_files on log_text.path = input_files.path
where not log_text.is_blank
group by input_files.file_number, hash(log_text.line);
