-- given_fields_found: one row: for each field in the variable `given_pointers`, whether some line of {{ lines }} has it.
select
    {% for number in range(1, fields + 1) %}
    coalesce(
        bool_or(json_exists(try_cast(line as json), getvariable('given_pointers')[{{ number }}])), false
    ) as found_{{ number }}{{ '' if loop.last else ',' }}
    {% endfor %}
from {{ lines }};
