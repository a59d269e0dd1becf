-- test_events: one row per event of the test part.
create or replace temp view test_events as
select *
from {{ source }}
where part = 'test';
