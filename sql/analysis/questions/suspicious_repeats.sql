-- suspicious_repeats: one row per copied log file, or one without, if chance does not explain the repeated lines.
select
    build.duplicate_lines,
    build.lines,
    build_inputs.file,
    build_inputs.copy_of
from build
left join build_inputs on build_inputs.copy_of is not null
where build.suspicious_repeats
order by build_inputs.file;
