-- repeated_lines: one row: the share of the lines that repeat another, and count, if chance does not explain them.
-- Not checked if the build did not compare lines.
-- variable max_repeated_lines: the greatest share that is healthy.
with
copies as (
    select
        count(copy_of) as files,
        first(file order by file) filter (where copy_of is not null) as file,
        first(copy_of order by file) filter (where copy_of is not null) as copy_of
    from build_inputs
),

measured as (
    select
        build.duplicate_lines,
        build.lines,
        build.suspicious_repeats,
        build.options ->> 'repeats' = 'drop' as are_left_out,
        copies.files,
        copies.file,
        copies.copy_of,
        coalesce(build.duplicate_lines / nullif(build.lines, 0), 0) as repeated,
        cast(getvariable('max_repeated_lines') as double) as threshold
    from build
    cross join copies
)

select
    case
        when duplicate_lines is null then null
        when suspicious_repeats then repeated
        else 0
    end as figure,
    threshold,
    case when duplicate_lines is not null then not suspicious_repeats or repeated <= threshold end
        as healthy,
    case
        when duplicate_lines is null then 'the build did not compare lines'
        when not suspicious_repeats
            then format(
                '{:,} of {:,} lines ({:.3g} %) repeat another{}',
                duplicate_lines,
                lines,
                100 * repeated,
                case
                    when duplicate_lines = 0 then ''
                    when are_left_out then ', and were left out'
                    else ', no more than chance explains'
                end
            )
        else format(
            '{:,} of {:,} lines ({:.3g} %) repeat another, more than chance explains{}; '
            || 'at most {:.3g} % is healthy',
            duplicate_lines,
            lines,
            100 * repeated,
            case
                when files > 0
                    then format(
                        ' (all lines of {} are in {})', left(file, 200), left(copy_of, 200)
                    )
                else ''
            end,
            100 * threshold
        )
    end as sentence
from measured;
