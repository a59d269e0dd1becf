-- build_inputs: one row per log file: its size, its lines (without blank ones), and how many were accepted, rejected
-- and left out on request.
-- copied: whether there is a table copied_files.
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
    input_files.format,
    input_files.bytes,
    {% if counted %}
    coalesce(line_counts.lines, 0) + coalesce(unreadable.lines, 0) as lines,
    {% else %}
    accepted_lines.lines + coalesce(refused_lines.rejected, 0) as lines,
    {% endif %}
    accepted_lines.lines as accepted,
    coalesce(refused_lines.rejected, 0) as rejected,
    coalesce(omitted.lines, 0) as left_out,
    {% if copied %}copied_files.copy_of{% else %}cast(null as varchar) as copy_of{% endif %}

from input_files
inner join accepted_lines on input_files.file_number = accepted_lines.file_number
left join refused_lines on input_files.file = refused_lines.file
left join (
    select
        file,
        cast(sum(lines) as bigint) as lines
    from left_out
    group by file
) as omitted
    on input_files.file = omitted.file
{% if copied %}
left join copied_files on input_files.file = copied_files.file
{% endif %}
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
