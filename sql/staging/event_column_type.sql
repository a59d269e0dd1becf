-- Gives a column of events its type, where another reading of the logs left another one: a bare
-- null for what the logs do not have, say, or a moment as text.
alter table events
alter column "{{ column }}" set data type {{ type }}
using cast(cast("{{ column }}" as varchar) as {{ type }});
