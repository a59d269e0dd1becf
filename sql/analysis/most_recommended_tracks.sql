-- most_recommended_tracks: one row per recommended track, the one that neighbors bring into most lists first.
-- users: all lists that it is in, those that it only fills (score 0) or ends (below 0) included;
-- users_from_neighbors: those whose source is neighbors; share_of_users: of all users, have it from neighbors.
-- variable k: tracks at most (default 25).
with
counted as (
    select
        track,
        count(*) as users,
        count(*) filter (where source = 'neighbors') as users_from_neighbors,
        count(*) filter (where rank <= 10) as users_in_top_10,
        avg(rank) as mean_rank,
        count(*) filter (where heard) as users_who_heard
    from recommendations
    group by track
)

select
    tracks.track,
    tracks.artist,
    tracks.title,
    counted.users,
    counted.users_from_neighbors,
    counted.users_from_neighbors / (select count(*) from users) as share_of_users,
    counted.users_in_top_10,
    counted.mean_rank,
    counted.users_who_heard,
    tracks.listeners,
    tracks.popularity_rank
from counted
inner join tracks on counted.track = tracks.track
order by counted.users_from_neighbors desc, counted.users desc, tracks.popularity_rank asc
limit (select coalesce(cast(getvariable('k') as bigint), 25));
