-- recommended_tracks: one row per track that far more or fewer lists have than before; the greatest gain first.
-- Counted are the users who have the track at one of the ranks 1 to 10.
-- Ids are compared as texts, since their types may differ. A track that neither catalog names has no title.
-- variable k: tracks at most that gained lists, and that lost lists (default 10).
-- The two databases are attached as old and new.
with
old_counts as (
    select
        cast(track as varchar) as id,
        count(*) as lists
    from old.recommendations
    where rank <= 10
    group by track
),

new_counts as (
    select
        cast(track as varchar) as id,
        count(*) as lists
    from new.recommendations
    where rank <= 10
    group by track
),

compared as (
    select
        coalesce(new_counts.id, old_counts.id) as id,
        coalesce(old_counts.lists, 0) as old_lists,
        coalesce(new_counts.lists, 0) as new_lists,
        coalesce(new_counts.lists, 0) - coalesce(old_counts.lists, 0) as difference
    from new_counts
    full outer join old_counts on new_counts.id = old_counts.id
),

ranked as (
    select
        *,
        row_number() over (partition by difference > 0 order by abs(difference) desc, id asc) as place
    from compared
    where difference <> 0
)

select
    ranked.id as track,
    coalesce(new_tracks.artist, old_tracks.artist) as artist,
    coalesce(new_tracks.title, old_tracks.title) as title,
    ranked.old_lists,
    ranked.new_lists,
    ranked.difference
from ranked
left join new.tracks as new_tracks on ranked.id = cast(new_tracks.track as varchar)
left join old.tracks as old_tracks on ranked.id = cast(old_tracks.track as varchar)
where ranked.place <= coalesce(cast(getvariable('k') as bigint), 10)
order by
    ranked.difference desc,
    ranked.id asc;
