-- top_tracks: one row per track in the logs, the most popular (by listening time) first.
-- recommended_to: users who have it in their list; best_rank: the best rank it has in any list.
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
