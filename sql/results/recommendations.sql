-- recommendations: one row per user and recommended track, the best first.
create table recommendations as
select
    user_times."user",
    top_tracks.rank,
    tracks.track,
    top_tracks.score,
    heard.user_index is not null as heard
from top_tracks
inner join user_times on top_tracks.user_index = user_times.user_index
inner join tracks on top_tracks.track_index = tracks.popularity_rank - 1
left join indexed_interactions as heard
    on
        top_tracks.user_index = heard.user_index
        and top_tracks.track_index = heard.track_index
order by top_tracks.user_index, top_tracks.rank;
