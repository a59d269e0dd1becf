-- rejected_lines: one row per log line that is not an event, in the order of the files and of their lines.
-- Made empty; staging/rejected_lines_of_file.sql fills it from the files that have such lines.
create table rejected_lines (
    file varchar,
    line_number bigint,
    reason varchar,
    line varchar
);
