-- gained_and_lost_with_titles: one row per row of given_rows, the rows of gained_and_lost, in their order.
-- first_titles: the artists and titles of first_ids, null for a track that the catalog lacks; null for users.
-- The two databases are attached as old and new.
with
numbered as (
    select
        kind,
        ids,
        first_ids,
        row_number() over () as position
    from given_rows
),

listed as (
    select
        kind,
        unnest(first_ids) as id,
        generate_subscripts(first_ids, 1) as place
    from numbered
    where starts_with(kind, 'tracks')
),

names as (
    select
        'tracks gained' as kind,
        cast(track as varchar) as id,
        nullif(concat_ws(' - ', artist, title), '') as name
    from new.tracks
    union all
    select
        'tracks lost' as kind,
        cast(track as varchar) as id,
        nullif(concat_ws(' - ', artist, title), '') as name
    from old.tracks
),

titles as (
    select
        listed.kind,
        list(names.name order by listed.place) as first_titles
    from listed
    left join names on listed.kind = names.kind and listed.id = names.id
    group by listed.kind
)

select
    numbered.kind,
    numbered.ids,
    numbered.first_ids,
    case
        when starts_with(numbered.kind, 'tracks') then coalesce(titles.first_titles, [])
    end as first_titles
from numbered
left join titles on numbered.kind = titles.kind
order by numbered.position;
