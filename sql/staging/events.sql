-- events: one row per accepted log line, in the order of the files and of their lines.
-- The variables `input_files` and `input_paths` hold the name of each file, and the path that is read. A
-- staging/log_lines.sql of the user's own may leave out columns, which staging/missing_event_column.sql adds.
create table events as
select
    getvariable('input_files')[list_position(getvariable('input_paths'), path)] as file,
    columns(lambda name: lower(name) in (
        'message', 'timestamp', 'user', 'track', 'time', 'latency', 'recommendation', 'experiments'
    ))
from log_lines
where reason is null{% if leaves_out %} and not is_left_out{% endif %};
