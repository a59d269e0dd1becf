-- filler: one row: the share of the first ten recommendations of all users that only fill the lists.
-- They have a score of 0 (popular tracks), or one below 0. Not checked if there are no recommendations.
-- variable max_filler: the greatest share that is healthy.
with
counted as (
    select
        count(*) as recommendations,
        count(*) filter (where source in ('popularity', 'tail')) as filler
    from recommendations
    where rank <= 10
),

measured as (
    select
        recommendations,
        filler,
        filler / nullif(recommendations, 0) as figure,
        cast(getvariable('max_filler') as double) as threshold
    from counted
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    case
        when figure is null then 'there are no recommendations'
        else format(
            '{:,} of {:,} recommendations at ranks 1 to 10 ({:.3g} %) only fill the lists; '
            || 'at most {:.3g} % is healthy',
            filler,
            recommendations,
            100 * figure,
            100 * threshold
        )
    end as sentence
from measured;
