-- recommendation: one row if a track is among the recommendations of a user: where, and its score.
-- variable user: the user.
-- variable track: the track.
select
    rank,
    score,
    heard
from recommendations
where "user" = getvariable('user') and track = getvariable('track')
order by rank;
