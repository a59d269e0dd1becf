-- left_out: one row per log file and cause, the name of the option: the number of lines that it leaves out.
create or replace temp table left_out (
    file varchar,
    cause varchar,
    lines bigint
);
