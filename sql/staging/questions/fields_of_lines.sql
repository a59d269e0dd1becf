-- fields_of_lines: one row per field of the first lines, in the order of the lines: its name, and in how many it is.
select
    field,
    count(*) as lines
from (
    select
        unnest(json_keys(try_cast(line as json))) as field,
        generate_subscripts(json_keys(try_cast(line as json)), 1) as position
    from first_fields
)
group by field
order by min(position) asc, lines desc, field asc
limit 20;
