-- inputs: one row per log file that only one of the builds read, or whose size or lines differ.
-- Null: the build did not read the file.
-- The two databases are attached as old and new.
with
compared as (
    select
        coalesce(old_inputs.file, new_inputs.file) as file,
        old_inputs.bytes as old_bytes,
        new_inputs.bytes as new_bytes,
        old_inputs.lines as old_lines,
        new_inputs.lines as new_lines,
        old_inputs.rejected as old_rejected,
        new_inputs.rejected as new_rejected
    from old.build_inputs as old_inputs
    full outer join new.build_inputs as new_inputs on old_inputs.file = new_inputs.file
)

select
    file,
    old_bytes,
    new_bytes,
    old_lines,
    new_lines,
    old_rejected,
    new_rejected
from compared
where
    old_bytes is distinct from new_bytes
    or old_lines is distinct from new_lines
    or old_rejected is distinct from new_rejected
order by file;
