-- recommendations_are_complete: one row per user with more or fewer recommendations than expected.
-- Expected is the number asked for, or that of all tracks in the logs that may be recommended; fewer only if an
-- option leaves out tracks that the user has heard, or whose score is not above 0.
with
expected as (
    select
        least({{ variable('top') }}, count(*)) as recommendations
    from tracks
    where popularity_rank is not null and recommendable
),

found as (
    select
        users."user",
        count(recommendations.track) as recommendations
    from users
    left join recommendations on users."user" = recommendations."user"
    group by users."user"
)

select
    found."user",
    found.recommendations,
    expected.recommendations as expected
from found
cross join expected
where
    found.recommendations > expected.recommendations
    or (
        found.recommendations < expected.recommendations
        and not {{ variable('exclude_heard') }}
        and not {{ variable('only_positive') }}
    );
