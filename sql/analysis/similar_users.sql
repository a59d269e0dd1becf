-- similar_users: one row per user similar to a user, the most similar first.
-- The database keeps the 50 most similar of each user.
-- variable user: to whom.
-- variable k: users at most (default 20).
select
    neighbors.rank,
    neighbors.neighbor,
    neighbors.similarity,
    neighbors.common_tracks,
    users.events,
    users.tracks,
    users.mean_time
from neighbors
inner join users on neighbors.neighbor = users."user"
where
    neighbors."user" = getvariable('user')
    and neighbors.rank <= coalesce(cast(getvariable('k') as bigint), 20)
order by neighbors.rank asc;
