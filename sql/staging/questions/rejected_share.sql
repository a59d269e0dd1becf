-- rejected_share: one row: the number of lines in all files, and of those that were rejected, and left out on request.
-- compared_lines: those that the rejected ones are compared with. Lines that where leaves out are none of them; a
-- line that is left out for its moment or as a repetition counts, as it would if it were rejected.
select
    cast(sum(lines) as bigint) as lines,
    cast(sum(rejected) as bigint) as rejected,
    cast(sum(left_out) as bigint) as left_out,
    cast(sum(lines) as bigint) - (
        select cast(coalesce(sum(lines), 0) as bigint)
        from left_out
        where cause = 'where'
    ) as compared_lines
from build_inputs;
