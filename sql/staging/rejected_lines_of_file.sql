-- rejected_lines: adds one row per rejected line of one file, the only one in the variable `log_paths`.
-- The number of a readable line counts the readable lines up to it and the unreadable ones before it.
insert into rejected_lines
with
unreadable as (
    select
        line_number,
        reason,
        line,
        unreadable_before_and_here
    from unreadable_lines
    where path = getvariable('path')
),

refused as (
    select
        readable_line_number,
        reason,
        line
    from numbered_log_lines
    where reason is not null{% if leaves_out %} and not is_left_out{% endif %}

),

located as (
    select
        refused.readable_line_number + (
            select count(*)
            from unreadable
            where
                unreadable.line_number - unreadable.unreadable_before_and_here
                < refused.readable_line_number
        ) as line_number,
        refused.reason,
        refused.line
    from refused
),

file_end as (
    select
        coalesce(max(line_counts.readable_lines), 0)
        + (select count(*) from unreadable) as last_line_number,
        coalesce(bool_or(input_files.has_open_end), true) as may_be_open
    from line_counts
    inner join input_files on line_counts.path = input_files.path
    where line_counts.path = getvariable('path')
)

select
    getvariable('file') as file,
    located.line_number,
    case
        when
            located.reason = 'not JSON'
            and located.line_number = file_end.last_line_number
            and left(ltrim(located.line), 1) = '{'
            and file_end.may_be_open
            then 'not JSON: the file ends in the middle of the line'
        else located.reason
    end as reason,
    located.line
from located
cross join file_end
union all
select
    getvariable('file') as file,
    unreadable.line_number,
    unreadable.reason,
    unreadable.line
from unreadable
order by line_number;
