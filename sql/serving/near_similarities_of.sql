-- {{ macro }}(listener): one row per row of near_similarities, if the listener is their user.
-- Hides a macro of the build, which has the same rows for the user whom a page is about.
create or replace temp macro {{ macro }}(listener) as table
select
    place,
    neighbor,
    weight,
    common_tracks
from near_similarities
where "user" = listener
order by place;
