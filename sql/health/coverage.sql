-- coverage: one row: the share of the tracks of the logs that may be recommended which are, to somebody.
-- variable min_coverage: the least share that is healthy.
with
counted as (
    select
        build.recommendable_tracks as tracks,
        (select count(distinct track) from recommendations) as recommended
    from build
),

measured as (
    select
        recommended,
        tracks,
        coalesce(recommended / nullif(tracks, 0), 0) as figure,
        cast(getvariable('min_coverage') as double) as threshold
    from counted
)

select
    figure,
    threshold,
    figure >= threshold as healthy,
    format(
        '{:,} of {:,} tracks ({:.3g} %) are recommended to somebody; at least {:.3g} % is healthy',
        recommended,
        tracks,
        100 * figure,
        100 * threshold
    ) as sentence
from measured;
