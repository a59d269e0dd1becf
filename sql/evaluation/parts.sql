-- events: one row per event of the training part: what the model may know.
create or replace temp view events as
select *
from {{ source }}
where part = 'training';

-- test_events: one row per event of the test part.
create or replace temp view test_events as
select *
from {{ source }}
where part = 'test';

-- one row: the events of both, and those without a moment
select
    count(*) filter (where part = 'training') as training_events,
    count(*) filter (where part = 'test') as test_events
from {{ source }};
