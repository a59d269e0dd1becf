-- build_inputs: one row per log file: its size, its lines (without blank ones), and how many were accepted and rejected.
create table build_inputs as
with
refused_lines as (
    select
        file,
        count(*) as rejected
    from rejected_lines
    group by file
)

select
    input_files.file,
    input_files.bytes,
    {% if counted %}
    coalesce(line_counts.lines, 0) + coalesce(unreadable.lines, 0) as lines,
    {% else %}
    accepted_lines.lines + coalesce(refused_lines.rejected, 0) as lines,
    {% endif %}
    accepted_lines.lines as accepted,
    coalesce(refused_lines.rejected, 0) as rejected
from input_files
inner join accepted_lines on input_files.file_number = accepted_lines.file_number
left join refused_lines on input_files.file = refused_lines.file
{% if counted %}
left join line_counts on input_files.path = line_counts.path
left join (
    select
        path,
        count(*) as lines
    from unreadable_lines
    group by path
) as unreadable
    on input_files.path = unreadable.path
{% endif %}
order by input_files.file_number;
