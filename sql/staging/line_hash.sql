-- line_hash: a macro, a whole number by which equal lines are found: other lines hardly ever have the same one.
create or replace temp macro line_hash(line) as
    cast(cast(hash(line) as hugeint) - 9223372036854775808 as bigint);
