-- lines_of_files: one row per different line of a log file, blank ones aside: how often it has it.
-- As staging/lines_of_files.sql, but exact, and of one file whose lines are compared with those of others: two lines
-- are taken for equal if 128 bits of their md5 are. One row stands for all lines whose hash, of those in shared_hashes,
-- no other line has.
create or replace temp table lines_of_files as
with
compared as (
    select
        path,
        case when line_hash(line) in (select line_hash from shared_hashes) then md5(line) end as digest
    from log_text
    where not is_blank
)

select
    input_files.file_number,
    coalesce(compared.digest, 'alone in file ' || cast(input_files.file_number as varchar)) as line_id,
    case when compared.digest is null then 1 else count(*) end as copies
from compared
inner join input_files on compared.path = input_files.path
group by input_files.file_number, compared.digest;
