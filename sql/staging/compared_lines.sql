-- compared_lines: one row per line that is compared with the others: its file, and 128 bits of its md5.
-- source: the table that has a row of the line so far, events or rejected_lines; position: the rowid there.
-- Lines that cannot be read as text, and those too long to be kept, are not compared.
-- every_line: all lines of all files, blank ones aside, are events. among_shared: only events whose hash is in
-- shared_hashes can have an equal.
create or replace temp view compared_lines as
with
accepted as (
    select
        path,
        md5_number(line) as digest,
        {% if among_shared %}line_hash(line) as line_hash,{% endif %}
        row_number() over () - 1 as position
    {% if every_line %}
    from log_text
    where not is_blank
    {% else %}
    from log_lines
    where reason is null {% if leaves_out %}and not is_left_out{% endif %}

    {% endif %}
)

select
    'events' as source,
    input_files.file_number,
    accepted.position,
    accepted.digest
from accepted
inner join input_files on accepted.path = input_files.path
{% if among_shared %}
where accepted.line_hash in (select line_hash from shared_hashes)
{% endif %}
union all
select
    'rejected_lines' as source,
    input_files.file_number,
    rejected_lines.rowid as position,
    md5_number(rejected_lines.line) as digest
from rejected_lines
inner join input_files on rejected_lines.file = input_files.file
where rejected_lines.reason not in ('not UTF-8', 'longer than 2 MB');
