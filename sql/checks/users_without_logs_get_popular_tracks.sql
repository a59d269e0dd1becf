-- users_without_logs_get_popular_tracks: one row per user without logs whose list is not that of popular tracks.
-- Of each of its tracks the score is 0, and it was not heard; the list is as long as asked for, or has all tracks
-- that may be recommended. A row without a user if there are more or fewer such users than the file adds.
with
expected as (
    select
        least({{ variable('top') }}, count(*)) as recommendations
    from tracks
    where popularity_rank is not null and recommendable
),

-- every list has a first rank: looking at these alone takes a tenth of the time
without_logs as (
    select recommendations."user"
    from recommendations
    anti join users on recommendations."user" = users."user"
    where recommendations.rank = 1
),

lists as (
    select
        recommendations."user",
        count(*) as recommendations,
        count(*) filter (where score = 0 and not heard and source = 'popularity') as popular
    from recommendations
    semi join without_logs on recommendations."user" = without_logs."user"
    group by recommendations."user"
),

counts as (
    select
        count(*) as found,
        coalesce(cast({{ variable('users_without_logs') }} as bigint), 0) as expected
    from lists
)

select
    lists."user",
    lists.recommendations,
    lists.popular,
    expected.recommendations as expected
from lists
cross join expected
where lists.recommendations <> expected.recommendations or lists.popular <> lists.recommendations
union all
select
    null as "user",
    found as recommendations,
    null as popular,
    expected
from counts
where found <> expected;
