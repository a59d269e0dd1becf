-- empty_files: one row: the number of log files without a line.
-- variable max_empty_files: the greatest number that is healthy.
with
measured as (
    select
        count(*) as files,
        count(*) filter (where lines = 0) as figure,
        min(file) filter (where lines = 0) as first_file,
        cast(getvariable('max_empty_files') as bigint) as threshold
    from build_inputs
)

select
    figure,
    threshold,
    figure <= threshold as healthy,
    format(
        '{:,} of {:,} log files have no line{}; at most {:,} is healthy',
        figure,
        files,
        case when figure > 0 then format(', such as {}', left(first_file, 200)) else '' end,
        threshold
    ) as sentence
from measured;
