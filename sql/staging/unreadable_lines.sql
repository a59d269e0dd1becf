-- unreadable_lines: one row per line that DuckDB could not read as text, with its line number in the file.
create or replace temp table unreadable_lines as
with
errors as (
    select
        scans.file_path as path,
        errors.line as line_number,
        min(errors.error_type) as error_type,
        min(errors.csv_line) as line
    from reject_errors as errors
    inner join reject_scans as scans
        on errors.scan_id = scans.scan_id and errors.file_id = scans.file_id
    group by scans.file_path, errors.line
)

select
    path,
    line_number,
    -- '?' stands for bytes that are not UTF-8; only the head of a long line is kept
    trim(line, chr(10) || chr(13)) as line,
    case error_type
        when 'INVALID ENCODING' then 'not UTF-8'
        when 'LINE SIZE OVER MAXIMUM' then 'longer than 2 MB'
        else lower(error_type)
    end as reason,
    row_number() over (partition by path order by line_number) as unreadable_before_and_here
from errors;
