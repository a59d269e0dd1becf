-- repeated_hashes: one row: the number of rows whose hash in {{ hashes }}, a column {{ column }}, an earlier row has.
select cast(coalesce(sum(copies - 1), 0) as bigint) as repeated
from (
    select count(*) as copies
    from {{ hashes }}
    group by {{ column }}
    having count(*) > 1
) as groups_of_equals;
