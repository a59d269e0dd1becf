-- tracks_of_texts: one row per text of an id in a list, in its order: the track that it names, or nothing.
-- variable texts: the list.
with
given as (
    select
        unnest(getvariable('texts')) as text,
        unnest(range(len(getvariable('texts')))) as place
)

select
    given.text,
    tracks.track,
    tracks.artist,
    tracks.title
from given
left join tracks on given.text = cast(tracks.track as varchar)
order by given.place;
