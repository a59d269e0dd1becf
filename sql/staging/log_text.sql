-- log_text: one row per readable line, blank lines included, of the files in the variable `log_paths`.
-- is_blank: the line is empty or only white space.
-- The delimiter is a sequence that no JSON text can contain, so that each line is read as one value.
-- Several threads read the files only if all lines end with a line feed. With other line ends, DuckDB can
-- lose a line, without an error, where the parts of two threads meet between two lines.
-- Lines that are not UTF-8 are unreadable: DuckDB puts them into reject_errors. Other lines that DuckDB would
-- break or lose, such as those longer than 2 MB, are not in the files: see ubcf/building/inputs/lines.py.
create or replace temp view log_text as
select
    filename as path,
    line,
    -- the first test settles most lines at once
    not (starts_with(line, '{') or regexp_matches(line, '[^ \t\r]')) as is_blank
from
    read_csv(
        getvariable('log_paths'),
        columns = {'line': 'VARCHAR'},
        delim = chr(1) || chr(2) || chr(3) || chr(4),
        quote = '',
        escape = '',
        new_line = {% if line_feeds %}'\n'{% else %}'\r\n'{% endif %},
        parallel = {{ 'true' if line_feeds else 'false' }},
        header = false,
        auto_detect = false,
        strict_mode = false,
        max_line_size = 2000100,
        buffer_size = 8000000,
        filename = true,
        hive_partitioning = false,
        store_rejects = true
    );
