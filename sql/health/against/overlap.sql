-- overlap: one row: the share of the first ten recommendations that are as in another build, mean over users of both.
-- As overlap_10 of analysis/diff/list_changes.sql: the tracks in the first ten of both lists, divided by the length
-- of the longer list or by 10, whichever is smaller; two empty lists have 1. It is 0 if no user is in both.
-- Ids are compared as texts, since their types may differ. The sum of the mean is of decimals, exact in any order.
-- The two databases are attached as old and new.
-- variable against: the name of the old one.
-- variable min_overlap: the least share that is healthy.
with
users_of_both as (
    select cast("user" as varchar) as "user"
    from old.users
    intersect
    select cast("user" as varchar) as "user"
    from new.users
),

old_lists as (
    select
        cast("user" as varchar) as "user",
        cast(track as varchar) as track
    from old.recommendations
    where rank <= 10
),

new_lists as (
    select
        cast("user" as varchar) as "user",
        cast(track as varchar) as track
    from new.recommendations
    where rank <= 10
),

old_lengths as (
    select
        "user",
        count(*) as tracks
    from old_lists
    group by "user"
),

new_lengths as (
    select
        "user",
        count(*) as tracks
    from new_lists
    group by "user"
),

common as (
    select
        old_lists."user",
        count(*) as tracks
    from old_lists
    inner join new_lists
        on old_lists."user" = new_lists."user" and old_lists.track = new_lists.track
    group by old_lists."user"
),

user_overlaps as (
    select
        cast(
            coalesce(
                coalesce(common.tracks, 0) / nullif(
                    greatest(coalesce(old_lengths.tracks, 0), coalesce(new_lengths.tracks, 0)), 0
                ),
                1
            ) as decimal(38, 20)
        ) as overlap
    from users_of_both
    left join old_lengths on users_of_both."user" = old_lengths."user"
    left join new_lengths on users_of_both."user" = new_lengths."user"
    left join common on users_of_both."user" = common."user"
),

measured as (
    select
        count(*) as users,
        coalesce(cast(sum(overlap) as double) / nullif(count(*), 0), 0) as figure,
        cast(getvariable('min_overlap') as double) as threshold
    from user_overlaps
)

select
    figure,
    threshold,
    figure >= threshold as healthy,
    case
        when users = 0 then format('no user is in {} too', getvariable('against'))
        else format(
            '{:.3g} % of the first ten recommendations are as in {}, mean over the {:,} users of '
            || 'both; at least {:.3g} % is healthy',
            100 * figure,
            getvariable('against'),
            users,
            100 * threshold
        )
    end as sentence
from measured;
