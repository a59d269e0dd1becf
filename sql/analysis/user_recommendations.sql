-- user_recommendations: one row per recommendation of a user, the best first.
-- variable user: the user.
-- variable k: recommendations at most (default all).
select
    recommendations.rank,
    recommendations.track,
    recommendations.score,
    recommendations.heard,
    recommendations.source,
    tracks.artist,
    tracks.title,
    tracks.genre,
    tracks.pop
from recommendations
inner join tracks on recommendations.track = tracks.track
where
    recommendations."user" = getvariable('user')
    and recommendations.rank
    <= coalesce(cast(getvariable('k') as bigint), recommendations.rank)
order by recommendations.rank;
