-- {{ target }}: one row per event of the {{ part }} part.
create or replace temp view {{ target }} as
select *
from {{ source }}
where part = '{{ part }}';
