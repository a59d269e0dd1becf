-- rejected_share: one row: the number of lines in all files, and of those that were rejected.
select
    cast(sum(lines) as bigint) as lines,
    cast(sum(rejected) as bigint) as rejected
from build_inputs;
