-- Every event has a file, a user, a track and a time.
select
    file,
    "user",
    track,
    time
from events
where file is null or "user" is null or track is null or time is null or not isfinite(time);
