-- lines_are_accounted_for: one row per log file with lines that are neither accepted nor rejected nor left out.
select
    file,
    lines,
    accepted,
    rejected,
    left_out
from build_inputs
where accepted + rejected + left_out <> lines;
