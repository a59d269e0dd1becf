-- events: casts one column to its documented type. A staging/events.sql of the user's own may leave another
-- type, such as that of a bare null where the logs have no such field, or text for a timestamp.
alter table events
alter column "{{ column }}" set data type {{ type }}
using cast(cast("{{ column }}" as varchar) as {{ type }});
