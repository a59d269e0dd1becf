-- unscored_users: one row: the share of the users for whom no track has a score above 0.
-- variable max_unscored_users: the greatest share that is healthy.
with
measured as (
    select
        users_without_positive_score as unscored,
        users,
        coalesce(users_without_positive_score / nullif(users, 0), 0) as figure,
        cast(getvariable('max_unscored_users') as double) as threshold
    from build
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        '{:,} of {:,} users ({:.3g} %) have no track with a score above 0; '
        || 'at most {:.3g} % is healthy',
        unscored,
        users,
        100 * figure,
        100 * threshold
    ) as sentence
from measured;
