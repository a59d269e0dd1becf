-- recommendations_are_ranked: one row per user whose ranks are not 1, 2, 3, ..., or whose list has a score
-- above that of its first track.
select
    "user",
    count(*) as recommendations,
    min(rank) as first_rank,
    max(rank) as last_rank
from recommendations
group by "user"
having
    min(rank) <> 1
    or max(rank) <> count(*)
    or max(score) - max(score) filter (where rank = 1) > 1e-6
    or min(score) filter (where rank = 1) is null;
