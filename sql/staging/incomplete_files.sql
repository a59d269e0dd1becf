-- incomplete_files: one row per log file of whose lines not all became events.
with
accepted_lines as (
    select
        file,
        count(*) as lines
    from events
    group by file
),

unreadable as (
    select
        path,
        count(*) as lines
    from unreadable_lines
    group by path
)

select
    input_files.file,
    input_files.path
from input_files
left join line_counts on input_files.path = line_counts.path
left join unreadable on input_files.path = unreadable.path
left join accepted_lines on input_files.file = accepted_lines.file
where
    coalesce(line_counts.lines, 0) + coalesce(unreadable.lines, 0)
    > coalesce(accepted_lines.lines, 0)
order by input_files.file_number;
