-- unusable_id: one row if an id in the file of {{ table }} is none like those of the logs: the first such id.
-- An id is written as one of the logs, whose type is {{ id_type }}, would be.
select
    position,
    id_text
from {{ table }}
where coalesce(cast(try_cast(id_text as {{ id_type }}) as varchar) <> id_text, true)
order by position
limit 1;
