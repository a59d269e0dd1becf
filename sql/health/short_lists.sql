-- short_lists: one row: the share of the users with fewer than ten recommendations.
-- Fewer than ten are enough where the build makes shorter lists, or has fewer tracks to recommend.
-- variable max_short_lists: the greatest share that is healthy.
with
lengths as (
    select
        users."user",
        count(recommendations.track) as recommendations
    from users
    left join recommendations on users."user" = recommendations."user" and recommendations.rank <= 10
    group by users."user"
),

enough as (
    select least(10, cast(options ->> 'top' as bigint), recommendable_tracks) as recommendations
    from build
),

counted as (
    select
        count(*) as users,
        count(*) filter (where lengths.recommendations < enough.recommendations) as short,
        max(enough.recommendations) as enough
    from lengths
    cross join enough
),

measured as (
    select
        users,
        short,
        enough,
        coalesce(short / nullif(users, 0), 0) as figure,
        cast(getvariable('max_short_lists') as double) as threshold
    from counted
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        '{:,} of {:,} users ({:.3g} %) have fewer than {} recommendations; '
        || 'at most {:.3g} % is healthy',
        short,
        users,
        100 * figure,
        enough,
        100 * threshold
    ) as sentence
from measured;
