-- unusable_track: one row if an id in the file of {{ table }} cannot be that of a track: the first such id.
-- An id is written as a track of the logs, whose type is {{ track_type }}, would be.
select
    position,
    track_text
from {{ table }}
where coalesce(cast(try_cast(track_text as {{ track_type }}) as varchar) <> track_text, true)
order by position
limit 1;
