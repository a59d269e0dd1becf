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
        'users lost' as opposite,
        cast("user" as varchar) as id,
        row_number() over (order by "user") as place
    from new.users
    union all
    select
        'users lost' as kind,
        'users gained' as opposite,
        cast("user" as varchar) as id,
        row_number() over (order by "user") as place
    from old.users
    union all
    select
        'tracks gained' as kind,
        'tracks lost' as opposite,
        cast(track as varchar) as id,
        popularity_rank as place
    from new.tracks
    where popularity_rank is not null
    union all
    select
        'tracks lost' as kind,
        'tracks gained' as opposite,
        cast(track as varchar) as id,
        popularity_rank as place
    from old.tracks
    where popularity_rank is not null
),

-- in the logs of one database, and not in those of the other
alone as (
    select
        kind,
        id,
        place
    from placed
    where not exists (
        select 1
        from placed as others
        where others.kind = placed.opposite and others.id = placed.id
    )
)

select
    kinds.kind,
    count(alone.id) as ids,
    coalesce(
        list(alone.id order by alone.place) filter (where alone.id is not null), []
    )[:5] as first_ids
from kinds
left join alone on kinds.kind = alone.kind
group by kinds.kind
order by
    split_part(kinds.kind, ' ', 1) desc,
    kinds.kind asc;
