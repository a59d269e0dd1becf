-- rejected_reasons: one row per reason: the number of lines rejected for it, the most frequent reason first.
select
    reason,
    count(*) as lines
from rejected_lines
group by reason
order by lines desc, reason asc;
