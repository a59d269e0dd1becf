-- events: one row per accepted log line, in the order of the files and of their lines.
create table events as
select
    path as file,
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
