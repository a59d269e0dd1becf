-- known_history: one row: how many tracks the new user heard are in the logs, and whether all of them count as 0.
-- They do if all times are the mean time of the user, which a single play always is.
select
    count(distinct tracks.track) as known,
    min(history.time) = max(history.time)
    and (
        select
            coalesce(options ->> 'centering', 'user') = 'user'
            and coalesce(cast(options ->> 'offset' as double), 0.0) = 0
        from build
    ) as all_count_as_0
from history
left join tracks on history.track_index = tracks.popularity_rank - 1;
