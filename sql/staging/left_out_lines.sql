-- left_out_lines: one row per line that is left out on request: each that is identical to an earlier line of any file.
-- source: the table that has a row of the line so far, events or rejected_lines; position: the rowid there.
-- Earlier: in the order of the files, and of their lines. Two lines are taken for identical if 128 bits of their md5 are.
-- Lines that cannot be read as text, and those too long to be kept, are not compared.
-- every_line: all lines of all files, blank ones aside, are events.
create or replace temp table left_out_lines as
with
accepted as (
    select
        md5_number(line) as digest,
        row_number() over () as event_number
    {% if every_line %}
    from log_text
    where not is_blank
    {% else %}
    from log_lines
    where reason is null {% if leaves_out %}and not is_left_out{% endif %}

    {% endif %}
),

compared as (
    select
        event_number,
        row_number() over (partition by digest order by event_number) as copy
    from accepted
),

numbered_events as (
    select
        file,
        rowid as position,
        row_number() over (order by rowid) as event_number
    from events
),

compared_rejected as (
    select
        file,
        rowid as position,
        row_number() over (partition by line order by rowid) as copy
    from rejected_lines
    where reason not in ('not UTF-8', 'longer than 2 MB')
)

select
    'events' as source,
    numbered_events.file,
    numbered_events.position
from compared
inner join numbered_events on compared.event_number = numbered_events.event_number
where compared.copy > 1
union all
select
    'rejected_lines' as source,
    file,
    position
from compared_rejected
where copy > 1;
