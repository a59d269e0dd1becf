-- inputs: one row per log file that only one of the builds read, or whose size or lines differ.
-- If no file has the same path in both, such as after a move of the logs, a file is its path below the folder that
-- all files of its build have in common. Null: the build did not read the file.
-- The two databases are attached as old and new.
with
inputs as (
    select
        'old' as build,
        *
    from old.build_inputs
    union all by name
    select
        'new' as build,
        *
    from new.build_inputs
),

-- the first and the last path in alphabetical order have in common what all have
ends as (
    select
        build,
        min(file) as first_file,
        max(file) as last_file
    from inputs
    group by build
),

folders as (
    select
        build,
        len(regexp_replace(
            left(
                first_file,
                len(list_filter(
                    range(1, len(first_file) + 1),
                    lambda n: left(first_file, n) = left(last_file, n)
                ))
            ),
            '[^/]*$',
            ''
        )) as letters
    from ends
),

moved as (
    select not exists (
        select 1
        from old.build_inputs as old_inputs
        inner join new.build_inputs as new_inputs on old_inputs.file = new_inputs.file
    ) as is_moved
),

named as (
    select
        inputs.build,
        case
            when moved.is_moved then substr(inputs.file, folders.letters + 1)
            else inputs.file
        end as file,
        inputs.bytes,
        inputs.lines,
        inputs.rejected
    from inputs
    inner join folders on inputs.build = folders.build
    cross join moved
),

compared as (
    select
        coalesce(old_inputs.file, new_inputs.file) as file,
        old_inputs.bytes as old_bytes,
        new_inputs.bytes as new_bytes,
        old_inputs.lines as old_lines,
        new_inputs.lines as new_lines,
        old_inputs.rejected as old_rejected,
        new_inputs.rejected as new_rejected
    from (select * from named where build = 'old') as old_inputs
    full outer join (select * from named where build = 'new') as new_inputs
        on old_inputs.file = new_inputs.file
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
