-- history: one row per play of a new user, given as track texts and times, with the dense index of the track.
-- The times are given in the scale of the build, and become fractions, as the times of the tables are.
-- Tracks that are not in the logs get the indexes after those that are.
create or replace temp table history as
with
plays as (
    select
        unnest(getvariable('history_tracks')) as track_text,
        unnest(getvariable('history_times')) as time
),

given as (
    select
        plays.track_text,
        coalesce(
            (plays.time - scale.least) / (scale.greatest - scale.least),
            plays.time
        ) as time
    from plays
    cross join time_scale() as scale
),

known as (
    select
        given.track_text,
        given.time,
        tracks.popularity_rank - 1 as track_index,
        tracks.bias
    from given
    left join tracks
        on given.track_text = cast(tracks.track as varchar) and tracks.popularity_rank is not null
)

select
    track_text,
    time,
    coalesce(
        track_index,
        (select max(popularity_rank) from tracks)
        + dense_rank() over (partition by track_index is null order by track_text) - 1
    ) as track_index,
    coalesce(bias, 0.0) as bias
from known;
