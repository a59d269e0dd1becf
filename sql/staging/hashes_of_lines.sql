-- hashes_of_lines: one row per log file and hash of a line, blank ones aside: how many of its lines have it.
create or replace temp table hashes_of_lines as
with
hashed as (
    select
        path,
        line_hash(line) as line_hash
    from log_text
    where not is_blank
)

select
    input_files.file_number,
    hashed.line_hash,
    count(*) as copies
from hashed
inner join input_files on hashed.path = input_files.path
group by input_files.file_number, hashed.line_hash;
