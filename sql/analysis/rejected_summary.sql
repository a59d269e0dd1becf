-- rejected_summary: one row per reason for rejecting lines, the most frequent first, with an example.
-- share: of all lines in the logs. The example is the first such line, cut after 100 characters.
with
ranked as (
    select
        file,
        line_number,
        reason,
        line,
        count(*) over (partition by reason) as lines,
        row_number() over (partition by reason order by file, line_number) as rank
    from rejected_lines
)

select
    ranked.reason,
    ranked.lines,
    ranked.lines / build.lines as share,
    ranked.file,
    ranked.line_number,
    left(ranked.line, 100) as line
from ranked
cross join build
where ranked.rank = 1
order by ranked.lines desc, ranked.reason asc;
