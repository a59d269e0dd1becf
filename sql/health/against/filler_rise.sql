-- filler_rise: one row: by how much the share of filler at ranks 1 to 10 rose since another build; negative if it fell.
-- Not checked if one of the two has no recommendations. Databases of version 0.1 do not tell filler.
-- The two databases are attached as old and new.
-- variable against: the name of the old one.
-- variable max_filler_rise: the greatest difference of the two shares that is healthy.
with
old_filler as (
    select
        count(*) filter (where source in ('popularity', 'tail')) / nullif(count(*), 0) as share
    from old.recommendations
    where rank <= 10
),

new_filler as (
    select
        count(*) filter (where source in ('popularity', 'tail')) / nullif(count(*), 0) as share
    from new.recommendations
    where rank <= 10
),

measured as (
    select
        old_filler.share as before,
        new_filler.share as after,
        new_filler.share - old_filler.share as figure,
        cast(getvariable('max_filler_rise') as double) as threshold
    from old_filler
    cross join new_filler
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    case
        when figure is null then 'one of the builds has no recommendations'
        else format(
            '{:.3g} % of the recommendations at ranks 1 to 10 only fill the lists, after {:.3g} % in '
            || '{}; a rise by at most {:.3g} percentage points is healthy',
            100 * after,
            100 * before,
            getvariable('against'),
            100 * threshold
        )
    end as sentence
from measured;
