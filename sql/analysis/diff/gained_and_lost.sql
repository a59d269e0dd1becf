-- gained_and_lost: one row per kind of id that one of two databases alone has in its logs.
-- first_ids: the first five, users by id, tracks by popularity.
-- Ids are compared as texts, since their types may differ.
-- The two databases are attached as old and new.
with
kinds as (
    select unnest(['users gained', 'users lost', 'tracks gained', 'tracks lost']) as kind
),

placed as (
    select
        'users gained' as kind,
        cast("user" as varchar) as id,
        row_number() over (order by "user" asc) as place
    from new.users
    where cast("user" as varchar) not in (select cast("user" as varchar) from old.users)
    union all
    select
        'users lost' as kind,
        cast("user" as varchar) as id,
        row_number() over (order by "user" asc) as place
    from old.users
    where cast("user" as varchar) not in (select cast("user" as varchar) from new.users)
    union all
    select
        'tracks gained' as kind,
        cast(track as varchar) as id,
        row_number() over (order by popularity_rank asc) as place
    from new.tracks
    where
        popularity_rank is not null
        and cast(track as varchar) not in (
            select cast(track as varchar)
            from old.tracks
            where popularity_rank is not null
        )
    union all
    select
        'tracks lost' as kind,
        cast(track as varchar) as id,
        row_number() over (order by popularity_rank asc) as place
    from old.tracks
    where
        popularity_rank is not null
        and cast(track as varchar) not in (
            select cast(track as varchar)
            from new.tracks
            where popularity_rank is not null
        )
)

select
    kinds.kind,
    count(placed.id) as ids,
    coalesce(
        list(placed.id order by placed.place asc) filter (where placed.place <= 5), []
    ) as first_ids
from kinds
left join placed on kinds.kind = placed.kind
group by kinds.kind
order by
    split_part(kinds.kind, ' ', 1) desc,
    kinds.kind asc;
