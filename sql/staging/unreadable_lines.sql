-- unreadable_lines: one row per line that DuckDB could not read as text, with its line number in the file.
-- rejects: whether DuckDB lists such lines; a staging/log_text.sql of the user's own may not ask it to.
create or replace temp table unreadable_lines as
with
{% if rejects %}
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
{% else %}
errors as (
    select
        cast(null as varchar) as path,
        cast(null as bigint) as line_number,
        cast(null as varchar) as error_type,
        cast(null as varchar) as line
    where false
)
{% endif %}

select
    path,
    line_number,
    -- '?' stands for bytes that are not UTF-8
    trim(line, chr(10) || chr(13)) as line,
    case error_type
        when 'INVALID ENCODING' then 'not UTF-8'
        else lower(error_type)
    end as reason,
    row_number() over (partition by path order by line_number) as unreadable_before_and_here
from errors;
