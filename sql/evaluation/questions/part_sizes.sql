-- part_sizes: one row: the number of events in the training part and in the test part.
select
    count(*) filter (where part = 'training') as training_events,
    count(*) filter (where part = 'test') as test_events
from {{ source }};
