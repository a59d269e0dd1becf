-- events: one row per accepted log line, in the order of the files and of their lines.
-- The variables `input_files` and `input_paths` hold the name of each file, and the path that is read.
create table events as
select
    getvariable('input_files')[list_position(getvariable('input_paths'), path)] as file,
    message,
    timestamp,
    "user",
    track,
    time,
    latency,
    recommendation,
    experiments
from log_lines
where reason is null;
