-- track_profile: one row: a track in the logs and the catalog, and how often it is recommended.
-- variable track: the track.
with
lists as (
    select
        count(*) as users_recommended_to,
        min(rank) as best_rank
    from recommendations
    where track = getvariable('track')
)

select
    tracks.* exclude (bias),
    lists.users_recommended_to,
    lists.best_rank
from tracks
cross join lists
where tracks.track = getvariable('track');
