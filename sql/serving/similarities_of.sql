-- similarities_of(listener): one row per row of the table similarities, if the listener is their user.
-- Hides the macro of the build, which has the same rows.
create or replace temp macro similarities_of(listener) as table
select
    place,
    neighbor,
    weight,
    common_tracks
from similarities
where "user" = listener
order by place;
