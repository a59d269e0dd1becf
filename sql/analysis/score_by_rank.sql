-- score_by_rank: one row per rank: how the scores at this rank are distributed over the users.
-- low, high: the first and ninth decile; lower_quarter, upper_quarter: the quartiles.
select
    rank,
    count(*) as users,
    quantile_cont(score, 0.1) as low,
    quantile_cont(score, 0.25) as lower_quarter,
    quantile_cont(score, 0.5) as median,
    quantile_cont(score, 0.75) as upper_quarter,
    quantile_cont(score, 0.9) as high,
    count(*) filter (where score > 0) / count(*) as share_positive
from recommendations
group by rank
order by rank;
