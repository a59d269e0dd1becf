-- recommendations: one row per user and recommended track, the best first.
-- top_tracks has these rows in this order; ids that arrays cannot hold are texts in it.
create table recommendations as
select
    cast("user" as {{ user_type }}) as "user",
    rank,
    cast(track as {{ track_type }}) as track,
    score,
    heard,
    -- a score that is equal to 0 by the gap rule is exactly 0 here
    case
        when score < 0 then cast('tail' as enum ('neighbors', 'own', 'popularity', 'tail'))
        when score = 0 then cast('popularity' as enum ('neighbors', 'own', 'popularity', 'tail'))
        when own then cast('own' as enum ('neighbors', 'own', 'popularity', 'tail'))
        else cast('neighbors' as enum ('neighbors', 'own', 'popularity', 'tail'))
    end as source
    {%- if predict %},
    -- the expected time plus the predicted deviation, kept within 0 to 1
    least(greatest(expected_time + deviation, 0.0), 1.0) as predicted_time,
    support
    {%- endif %}
    {%- if own_tracks %},
    own_support
    {%- endif %}

from top_tracks;
