-- fields_of_lines: one row per field of the first lines, in the order of the lines: its name, and in how many it is.
with
numbered as (
    select
        row_number() over () as line_number,
        json_keys(try_cast(line as json)) as keys
    from first_fields
),

fields as (
    select
        line_number,
        unnest(keys) as field,
        generate_subscripts(keys, 1) as position
    from numbered
)

select
    field,
    count(*) as lines
from fields
group by field
order by min(line_number), arg_min(position, line_number), field
limit 20;
