-- input_files: one row per log file that is read, in reading order.
-- file: its name. path: where its bytes are read from, which is a copy of the file where one was needed.
-- format: in words. lines: their number, blank ones included; has_open_end: the last one has no line end. Both are
-- counted by the bytes of the file; null: a reader of the user's own reads it. file_number: from 0, among all files.
create or replace temp table input_files as
select
    unnest(getvariable('input_files')) as file,
    unnest(getvariable('input_paths')) as path,
    unnest(getvariable('input_formats')) as format,
    unnest(getvariable('input_bytes')) as bytes,
    unnest(cast(getvariable('input_lines') as bigint[])) as lines,
    unnest(cast(getvariable('input_open_ends') as boolean[])) as has_open_end,
    unnest(cast(getvariable('input_numbers') as bigint[])) as file_number;
