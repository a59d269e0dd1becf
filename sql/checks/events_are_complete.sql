-- events_are_complete: one row per event without a file, a user, a track or a finite time.
select
    file,
    "user",
    track,
    time
from events
where file is null or "user" is null or track is null or time is null or not abs(time) <= 1.7976931348623157e308;
