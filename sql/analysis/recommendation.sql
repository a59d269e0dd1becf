-- recommendation: one row if a track is recommended to a user: its rank, score and source, and if it was heard.
-- variable user: the user.
-- variable track: the track.
select
    rank,
    score,
    heard,
    source
from recommendations
where "user" = getvariable('user') and track = getvariable('track')
order by rank;
