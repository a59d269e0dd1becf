-- hashes_of_lines: one row per line, blank ones aside: a whole number by which equal lines can be found.
create or replace temp table hashes_of_lines as
select cast(cast(hash(line) as hugeint) - 9223372036854775808 as bigint) as line_hash
from log_text
where not is_blank;
