-- altered_lines: one row per line of a log file that was read from a copy and differs there.
-- line: its text in the log, or the first part of it. reason: why the line is rejected; null: its text in the
-- copy decides. The variable `altered_paths` holds the files that list them; of a line that is in two of them, the
-- row with a reason counts.
create or replace temp table altered_lines as
select
    file,
    line_number,
    reason,
    line
from
    read_json(
        getvariable('altered_paths'),
        format = 'newline_delimited',
        columns = {
            'file': 'VARCHAR', 'line_number': 'BIGINT', 'reason': 'VARCHAR', 'line': 'VARCHAR'
        },
        hive_partitioning = false
    )
qualify row_number() over (partition by file, line_number order by reason is null) = 1;
