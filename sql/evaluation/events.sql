-- events: one row per event of the training part: all that the models may know.
create or replace temp view events as
select *
from {{ source }}
where part = 'training';
