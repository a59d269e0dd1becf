-- track_lists: one row per recommendation of a given track, in the order of the table recommendations, which it hides.
-- variable track: the given track.
create or replace temp table recommendations as
select *
from recommendations
where track = getvariable('track');
