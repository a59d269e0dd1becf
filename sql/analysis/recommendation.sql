-- recommendation: one row if a track is recommended to a user: its rank and score, and whether it was heard.
-- variable user: the user.
-- variable track: the track.
select
    rank,
    score,
    heard
from recommendations
where "user" = getvariable('user') and track = getvariable('track')
order by rank;
