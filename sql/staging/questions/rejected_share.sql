-- rejected_share: one row: the lines of all files, and how many of them were rejected.
select
    cast(sum(lines) as bigint) as lines,
    cast(sum(rejected) as bigint) as rejected
from build_inputs;
