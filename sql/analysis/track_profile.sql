-- track_profile: one row: a track as the logs and the catalog know it, and how often it is recommended.
-- variable track: the track.
select
    tracks.* exclude (bias),
    count(recommendations.rank) as users_recommended_to,
    min(recommendations.rank) as best_rank
from tracks
left join recommendations on tracks.track = recommendations.track
where tracks.track = getvariable('track')
group by all;
