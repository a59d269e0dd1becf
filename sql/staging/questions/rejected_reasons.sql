-- rejected_reasons: one row per reason: how many lines were rejected for it, the most frequent first.
select
    reason,
    count(*) as lines
from rejected_lines
group by reason
order by lines desc, reason asc;
