-- lines_are_accounted_for: one row per log file with lines that are neither accepted nor rejected.
select
    file,
    lines,
    accepted,
    rejected
from build_inputs
where accepted + rejected <> lines;
