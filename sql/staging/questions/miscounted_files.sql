-- miscounted_files: one row per log file of which not all lines were read, or more than it has.
-- lines: by its bytes, blank ones included. In a file where every line is an event, there is nothing to compare.
with
unreadable as (
    select
        path,
        count(*) as lines
    from unreadable_lines
    group by path
),

found as (
    select
        input_files.file_number,
        input_files.file,
        input_files.lines,
        coalesce(line_counts.readable_lines, 0) + coalesce(unreadable.lines, 0) as lines_read
    from input_files
    left join line_counts on input_files.path = line_counts.path
    left join unreadable on input_files.path = unreadable.path
    where input_files.bytes > 0
)

select
    file,
    lines,
    lines_read
from found
where lines <> lines_read
order by file_number;
