-- recommendations: one row per user and recommended track, the best first.
create table recommendations as
select
    user_centers."user",
    top_tracks.rank,
    track_centers.track,
    top_tracks.score,
    top_tracks.heard,
    -- a score that is equal to 0 by the gap rule is exactly 0 here
    case
        when top_tracks.score < 0 then cast('tail' as enum ('neighbors', 'own', 'popularity', 'tail'))
        when top_tracks.score = 0 then cast('popularity' as enum ('neighbors', 'own', 'popularity', 'tail'))
        when top_tracks.own then cast('own' as enum ('neighbors', 'own', 'popularity', 'tail'))
        else cast('neighbors' as enum ('neighbors', 'own', 'popularity', 'tail'))
    end as source
    {%- if predict %},
    -- the expected time plus the predicted deviation, kept within 0 to 1
    least(
        greatest(user_centers.center + track_centers.center + top_tracks.deviation, 0.0),
        1.0
    ) as predicted_time,
    top_tracks.support
    {%- endif %}
    {%- if own_tracks %},
    top_tracks.own_support
    {%- endif %}

from top_tracks
inner join user_centers on top_tracks.user_index = user_centers.user_index
inner join track_centers on top_tracks.track_index = track_centers.popularity_rank - 1
order by top_tracks.user_index, top_tracks.rank;
