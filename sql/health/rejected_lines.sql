-- rejected_lines: one row: the share of the lines that were rejected, without lines left out on request.
-- variable max_rejected_lines: the greatest share that is healthy.
with
measured as (
    select
        rejected,
        accepted + rejected as lines,
        coalesce(rejected / nullif(accepted + rejected, 0), 0) as figure,
        cast(getvariable('max_rejected_lines') as double) as threshold
    from build
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        '{:,} of {:,} lines ({:.3g} %) were rejected; at most {:.3g} % is healthy',
        rejected,
        lines,
        100 * figure,
        100 * threshold
    ) as sentence
from measured;
