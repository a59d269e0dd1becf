-- copied_files: one row per log file all of whose lines are in one other file.
-- Looked for where many lines repeat others. is_exact: both have the same lines, each as often, and at least ten
-- different ones. Of two such files the later one is the copy. A file whose lines are spread over several others is
-- not found.
create or replace temp table copied_files as
with
ends as (
    select
        line_id,
        min(file_number) as first_file,
        max(file_number) as last_file
    from lines_of_files
    group by line_id
),

files as (
    select
        lines_of_files.file_number,
        sum(lines_of_files.copies * cast(hash(lines_of_files.line_id) as hugeint)) as fingerprint,
        count(*) as different_lines,
        min(ends.first_file) as least_first,
        max(ends.first_file) as greatest_first,
        min(ends.last_file) as least_last,
        max(ends.last_file) as greatest_last
    from lines_of_files
    inner join ends on lines_of_files.line_id = ends.line_id
    group by lines_of_files.file_number
),

-- all lines of a file are in the first file that has any of them, or in the last one
contained as (
    select
        file_number,
        different_lines,
        fingerprint,
        case
            when least_first = greatest_first and greatest_first < file_number then greatest_first
            when least_last = greatest_last and least_last > file_number then least_last
        end as in_file
    from files
),

pairs as (
    select
        contained.file_number,
        contained.in_file,
        contained.fingerprint = files.fingerprint and contained.different_lines >= 10 as is_exact
    from contained
    inner join files on contained.in_file = files.file_number
    where
        contained.in_file < contained.file_number
        or contained.fingerprint <> files.fingerprint
)

select
    copies.file,
    originals.file as copy_of,
    pairs.is_exact
from pairs
inner join input_files as copies on pairs.file_number = copies.file_number
inner join input_files as originals on pairs.in_file = originals.file_number
order by pairs.file_number;
