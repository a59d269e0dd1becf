-- score_by_rank: one row per rank: how the scores at this rank are distributed over the users.
-- share_positive: of the users, those with a score above 0; share_from_neighbors, share_own, share_popularity,
-- share_tail: those whose recommendation at this rank has this source (see recommendations.source).
-- low, high: the first and ninth decile; lower_quarter, upper_quarter: the quartiles.
select
    rank,
    count(*) as users,
    quantile_cont(score, 0.1) as low,
    quantile_cont(score, 0.25) as lower_quarter,
    quantile_cont(score, 0.5) as median,
    quantile_cont(score, 0.75) as upper_quarter,
    quantile_cont(score, 0.9) as high,
    count(*) filter (where score > 0) / count(*) as share_positive,
    count(*) filter (where source = 'neighbors') / count(*) as share_from_neighbors,
    count(*) filter (where source = 'own') / count(*) as share_own,
    count(*) filter (where source = 'popularity') / count(*) as share_popularity,
    count(*) filter (where source = 'tail') / count(*) as share_tail
from recommendations
group by rank
order by rank;
