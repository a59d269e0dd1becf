-- tracks_in_order: one row per track in the logs, in order of the dense index: its id and its center.
-- as_text: the id as a text, which an array holds whatever the type.
select
    {% if as_text %}cast(track as string){% else %}track{% endif %} as id,
    center
from track_centers
order by popularity_rank;
