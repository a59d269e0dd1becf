-- uncataloged: one row: the share of the recommendations whose track is not in the catalog.
-- Not checked if the build had no catalog.
-- variable max_uncataloged: the greatest share that is healthy.
with
measured as (
    select
        recommendations_without_catalog_entry as uncataloged,
        recommendations,
        recommendations_without_catalog_entry / nullif(recommendations, 0) as figure,
        cast(getvariable('max_uncataloged') as double) as threshold
    from build
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    case
        when uncataloged is null then 'the build had no catalog'
        when figure is null then 'there are no recommendations'
        else format(
            '{:,} of {:,} recommendations ({:.3g} %) are of tracks that are not in the catalog; '
            || 'at most {:.3g} % is healthy',
            uncataloged,
            recommendations,
            100 * figure,
            100 * threshold
        )
    end as sentence
from measured;
