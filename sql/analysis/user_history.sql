-- user_history: one row per event of a user, the oldest first.
-- Events of the same moment: those that end a session go last.
-- variable user: whose events.
-- variable k: events at most, the latest (default all).
with
placed as (
    select
        *,
        row_number() over (
            order by
                timestamp asc,
                message = 'last' asc,
                track asc,
                time desc,
                message asc,
                recommendation asc
        ) as place,
        count(*) over () as events
    from events
    where "user" = getvariable('user')
)

select
    placed.timestamp,
    placed.message,
    placed.track,
    tracks.artist,
    tracks.title,
    placed.time,
    placed.recommendation
from placed
inner join tracks on placed.track = tracks.track
where placed.place > placed.events - coalesce(cast(getvariable('k') as bigint), placed.events)
order by placed.place;
