-- gained_and_lost: one row per kind (users or tracks, gained or lost): the ids in the logs of one database only.
-- first_ids: the first five, users by id, tracks by popularity.
-- Ids are compared as texts, since their types may differ.
-- The two databases are attached as old and new.
with
kinds as (
    select unnest(['users gained', 'users lost', 'tracks gained', 'tracks lost']) as kind
),

ranked as (
    select
        'users gained' as kind,
        'users lost' as opposite,
        cast("user" as varchar) as id,
        row_number() over (order by "user") as rank
    from new.users
    union all
    select
        'users lost' as kind,
        'users gained' as opposite,
        cast("user" as varchar) as id,
        row_number() over (order by "user") as rank
    from old.users
    union all
    select
        'tracks gained' as kind,
        'tracks lost' as opposite,
        cast(track as varchar) as id,
        popularity_rank as rank
    from new.tracks
    where popularity_rank is not null
    union all
    select
        'tracks lost' as kind,
        'tracks gained' as opposite,
        cast(track as varchar) as id,
        popularity_rank as rank
    from old.tracks
    where popularity_rank is not null
),

-- those in the logs of one database only
unmatched as (
    select
        kind,
        id,
        rank
    from ranked
    where not exists (
        select 1
        from ranked as others
        where others.kind = ranked.opposite and others.id = ranked.id
    )
)

select
    kinds.kind,
    count(unmatched.id) as ids,
    coalesce(
        list(unmatched.id order by unmatched.rank) filter (where unmatched.id is not null), []
    )[:5] as first_ids
from kinds
left join unmatched on kinds.kind = unmatched.kind
group by kinds.kind
order by
    split_part(kinds.kind, ' ', 1) desc,
    kinds.kind asc;
