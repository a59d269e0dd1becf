-- log_text: one row per readable line of the files in the variable `log_paths`, blank lines included.
-- is_blank: nothing but white space is in it.
-- The delimiter is a sequence that no JSON text can hold, so a line is one value whatever is in it.
-- Several threads read a file whose lines end by line feeds alone. In other files they could lose a
-- line without a word, where a part of the file ends between two lines: there one thread reads.
-- Lines that are not UTF-8 or longer than 2 MB are kept by the reader in its table reject_errors.
create or replace temp view log_text as
select
    filename as path,
    line,
    -- most lines that are not blank are told by their first character
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
        filename = true,
        store_rejects = true
    );
