-- top_tracks: one row per track of the logs, those with the most listening time first.
-- recommended_to: users in whose list it is; best_rank: its best place in a list.
-- variable k: tracks at most (default 20).
with
recommended as (
    select
        track,
        count(*) as recommended_to,
        min(rank) as best_rank
    from recommendations
    group by track
)

select
    tracks.popularity_rank,
    tracks.track,
    tracks.artist,
    tracks.title,
    tracks.plays,
    tracks.listeners,
    tracks.total_time,
    coalesce(recommended.recommended_to, 0) as recommended_to,
    recommended.best_rank
from tracks
left join recommended on tracks.track = recommended.track
where tracks.popularity_rank <= coalesce(cast(getvariable('k') as bigint), 20)
order by tracks.popularity_rank;
