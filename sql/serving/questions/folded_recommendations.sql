-- folded_recommendations: one row per recommendation for the new user, the best first.
select
    found_tracks.rank,
    coalesce(tracks.track, try_cast(heard.track_text as {{ track_type }})) as track,
    found_tracks.score,
    heard.track_index is not null as heard,
    case
        when found_tracks.score < 0 then 'tail'
        when found_tracks.score = 0 then 'popularity'
        when found_tracks.own then 'own'
        else 'neighbors'
    end as source,
    tracks.artist,
    tracks.title,
    tracks.genre,
    tracks.pop
from found_tracks
left join tracks on found_tracks.track_index = tracks.popularity_rank - 1
left join (select distinct track_index, track_text from history) as heard
    on found_tracks.track_index = heard.track_index
order by found_tracks.rank;
