-- events: one row per accepted log line, in the order of the files and of their lines.
create table events as
select
    input_files.file,
    log_lines.message,
    log_lines.timestamp,
    log_lines."user",
    log_lines.track,
    log_lines.time,
    log_lines.latency,
    log_lines.recommendation,
    log_lines.experiments
from log_lines
inner join input_files on log_lines.path = input_files.path
where log_lines.reason is null;
