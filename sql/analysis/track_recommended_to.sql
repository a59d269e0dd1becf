-- track_recommended_to: one row per user who has a track in the list, the best rank first.
-- variable track: the track.
-- variable k: users at most (default all).
with
ranked as (
    select
        "user",
        rank,
        score,
        heard,
        source,
        row_number() over (order by rank asc, score desc, "user" asc) as place
    from recommendations
    where track = getvariable('track')
)

select
    "user",
    rank,
    score,
    heard,
    source
from ranked
where place <= coalesce(cast(getvariable('k') as bigint), place)
order by place;
