-- part_sizes: one row: the events of the training part, and those of the test part.
select
    count(*) filter (where part = 'training') as training_events,
    count(*) filter (where part = 'test') as test_events
from {{ source }};
