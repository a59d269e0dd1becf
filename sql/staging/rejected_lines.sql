-- rejected_lines: one row per rejected log line, in the order of the files and of their lines.
-- Created empty: staging/rejected_lines_of_file.sql adds the rows of each file that has any.
create table rejected_lines (
    file varchar,
    line_number bigint,
    reason varchar,
    line varchar
);
