-- neighbors_per_user: one row per sign and number of neighbors: how many users have this number.
-- Positive neighbors have a similarity above 0, negative ones below 0. No rows if the build did not count them.
-- share_of_users: cumulative, the users with at most this number.
with
counts as (
    select
        'positive' as sign,
        positive_neighbors as neighbors
    from users
    union all
    select
        'negative' as sign,
        negative_neighbors as neighbors
    from users
),

counted as (
    select
        sign,
        neighbors,
        count(*) as users
    from counts
    where neighbors is not null
    group by sign, neighbors
)

select
    sign,
    neighbors,
    users,
    sum(users) over (partition by sign order by neighbors)
    / sum(users) over (partition by sign) as share_of_users
from counted
order by sign desc, neighbors asc;
