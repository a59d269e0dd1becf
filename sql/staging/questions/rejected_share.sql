-- rejected_share: one row: the number of lines in all files, and of those that were rejected, and left out on request.
select
    cast(sum(lines) as bigint) as lines,
    cast(sum(rejected) as bigint) as rejected,
    cast(sum(left_out) as bigint) as left_out
from build_inputs;
