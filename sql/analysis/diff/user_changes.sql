-- user_changes: one row per track whose rank for a user differs between two builds, or that only one of the lists has.
-- change: new, left, up or down. Tracks of the new list first, by rank; then those that left it, by the rank that they had.
-- in_new: whether the new build knows the track.
-- Ids are compared as texts, since their types may differ. A track that neither catalog names has no title.
-- variable user: the user. {{ old_type }}: the type of users in the old database.
-- The two databases are attached as old and new.
with
old_list as (
    select
        cast(track as varchar) as id,
        rank
    from old.recommendations
    where "user" = try_cast(cast(getvariable('user') as varchar) as {{ old_type }})
),

new_list as (
    select
        cast(track as varchar) as id,
        rank
    from new.recommendations
    where "user" = getvariable('user')
),

compared as (
    select
        coalesce(new_list.id, old_list.id) as id,
        old_list.rank as old_rank,
        new_list.rank as new_rank
    from new_list
    full outer join old_list on new_list.id = old_list.id
    where new_list.rank is distinct from old_list.rank
)

select
    compared.id as track,
    coalesce(new_tracks.artist, old_tracks.artist) as artist,
    coalesce(new_tracks.title, old_tracks.title) as title,
    case
        when compared.old_rank is null then 'new'
        when compared.new_rank is null then 'left'
        when compared.new_rank < compared.old_rank then 'up'
        else 'down'
    end as change,
    compared.old_rank,
    compared.new_rank,
    new_tracks.track is not null as in_new
from compared
left join new.tracks as new_tracks on compared.id = cast(new_tracks.track as varchar)
left join old.tracks as old_tracks on compared.id = cast(old_tracks.track as varchar)
order by
    compared.new_rank nulls last,
    compared.old_rank;
