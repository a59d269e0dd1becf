-- left_out_lines: one row per line that is left out on request: each that is identical to an earlier line of any file.
-- Earlier: in the order of the files, and of their lines. Two lines are taken for identical if 128 bits of their md5 are.
create or replace temp table left_out_lines as
with
numbered as (
    select
        source,
        file_number,
        position,
        row_number() over (partition by source, digest order by file_number, position) as copy
    from compared_lines
)

select
    source,
    file_number,
    position
from numbered
where copy > 1;
