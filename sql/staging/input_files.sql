-- input_files: one row per log file that is read, in reading order.
-- file: its name. path: where its bytes are read from, which is a copy of the file where one was needed.
create or replace temp table input_files as
select
    unnest(getvariable('input_files')) as file,
    unnest(getvariable('input_paths')) as path,
    unnest(getvariable('input_bytes')) as bytes,
    unnest(range(len(getvariable('input_files')))) as file_number;
