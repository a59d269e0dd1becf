-- user_history: one row per event of a user, the oldest first.
-- Among events of the same moment, those that end a session come last.
-- variable user: the user.
-- variable k: events at most, the latest ones (default all).
with
ranked as (
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
        ) as rank,
        count(*) over () as events
    from events
    where "user" = getvariable('user')
)

select
    ranked.timestamp,
    ranked.message,
    ranked.track,
    tracks.artist,
    tracks.title,
    scaled_time(ranked.time) as time,
    ranked.recommendation
from ranked
inner join tracks on ranked.track = tracks.track
where ranked.rank > ranked.events - coalesce(cast(getvariable('k') as bigint), ranked.events)
order by ranked.rank;
