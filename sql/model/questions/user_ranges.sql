-- user_ranges: one row per range of consecutive users, at most {{ ranges }} of them: the first dense index, that after the last, and the first id.
-- All ranges have about as many interactions.
with
placed as (
    select
        user_index,
        "user",
        sum(tracks) over (order by user_index) - tracks as interactions_before,
        sum(tracks) over () as all_interactions
    from user_times
),

numbered as (
    select
        user_index,
        "user",
        cast(floor(interactions_before * {{ ranges }} / all_interactions) as bigint) as range_number
    from placed
)

select
    min(user_index) as first_user,
    max(user_index) + 1 as next_user,
    cast(min_by("user", user_index) as string) as first_id
from numbered
group by range_number
order by range_number;
