-- incomplete_files: one row per log file with lines, other than blank ones, that are not events.
with
unreadable as (
    select
        path,
        count(*) as lines
    from unreadable_lines
    group by path
)

select
    accepted_lines.file,
    accepted_lines.path
from accepted_lines
left join line_counts on accepted_lines.path = line_counts.path
left join unreadable on accepted_lines.path = unreadable.path
where coalesce(line_counts.lines, 0) + coalesce(unreadable.lines, 0) > accepted_lines.lines
order by accepted_lines.file_number;
