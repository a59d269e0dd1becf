-- shared_hashes: one row per log file and hash that several lines have, of this file or of all.
-- Only such lines can be equal: what they are is compared next.
create or replace temp table shared_hashes as
with
counted as (
    select
        file_number,
        line_hash,
        sum(copies) over (partition by line_hash) as lines
    from hashes_of_lines
)

select
    file_number,
    line_hash
from counted
where lines > 1;
