-- rejected_summary: one row per reason to reject a line, the most frequent first.
-- share: of all lines of the logs. The example is the first such line, and its first 100 letters.
with
placed as (
    select
        file,
        line_number,
        reason,
        line,
        count(*) over (partition by reason) as lines,
        row_number() over (partition by reason order by file, line_number) as place
    from rejected_lines
)

select
    placed.reason,
    placed.lines,
    placed.lines / build.lines as share,
    placed.file,
    placed.line_number,
    left(placed.line, 100) as line
from placed
cross join build
where placed.place = 1
order by placed.lines desc, placed.reason asc;
