-- left_out: one row per log file and cause: the number of lines that were left out on request.
create or replace temp table left_out (
    file varchar,
    lines bigint
);
