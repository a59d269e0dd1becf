-- user_history: one row per event of a user, the oldest first.
-- Events of the same moment: those that end a session go last.
-- variable user: whose events.
select
    events.timestamp,
    events.message,
    events.track,
    tracks.artist,
    tracks.title,
    events.time,
    events.recommendation
from events
inner join tracks on events.track = tracks.track
where events."user" = getvariable('user')
order by
    events.timestamp asc,
    events.message = 'last' asc,
    events.track asc,
    events.time desc,
    events.message asc,
    events.recommendation asc;
