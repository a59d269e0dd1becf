-- input_files: one row per log file that is read, in the order in which it is read.
-- `file` is the name it goes by, `path` is where its bytes are (a copy, when the file still grows).
create or replace temp table input_files as
select
    unnest(getvariable('input_files')) as file,
    unnest(getvariable('input_paths')) as path,
    unnest(getvariable('input_bytes')) as bytes,
    unnest(range(len(getvariable('input_files')))) as file_number;
