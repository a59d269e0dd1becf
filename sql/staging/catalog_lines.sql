-- catalog_lines: one row per readable, non-blank line of the catalog, the only file in `log_paths`.
create or replace temp table catalog_lines as
with
numbered as (
    select
        row_number() over () as line_number,
        line,
        is_blank
    from log_text
)

select
    line_number,
    whole_characters(line) as line
from numbered
where not is_blank;
