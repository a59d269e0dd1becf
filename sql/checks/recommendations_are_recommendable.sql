-- recommendations_are_recommendable: one row per recommendation of a track that must not be recommended.
select
    recommendations."user",
    recommendations.rank,
    recommendations.track
from recommendations
inner join tracks on recommendations.track = tracks.track
where not tracks.recommendable;
