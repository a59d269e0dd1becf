-- evaluation: one row: how the events were split, and the numbers of users and tracks behind the metrics.
create table evaluation as
with
parts as (
    select
        count(*) filter (where part = 'training') as training_events,
        count(*) filter (where part = 'test') as test_events,
        max(timestamp) filter (where part = 'training') as training_until,
        min(timestamp) filter (where part = 'test') as test_from,
        count(distinct "user") filter (where part = 'test') as test_users,
        count(*) filter (where timestamp is null) as undated_events
    from split_events
),

trained as (
    select
        (select count(*) from user_times) as training_users,
        (select count(*) from track_times) as training_tracks
),

judged as (
    select
        count(*) as test_pairs,
        count(distinct user_index) as known_users,
        count(*) filter (where track_index is null) as pairs_of_new_tracks,
        count(*) filter (where relevant) as relevant_pairs
    from truth
),

counted as (
    select count(*) as counted_users
    from counted_users
)

select
    getvariable('version') as version,
    cast(getvariable('options') as json) as options,
    parts.training_events,
    parts.test_events,
    parts.undated_events,
    parts.training_until,
    parts.test_from,
    trained.training_users,
    trained.training_tracks,
    parts.test_users,
    judged.known_users,
    counted.counted_users,
    parts.test_users - counted.counted_users as users_not_counted,
    judged.test_pairs,
    judged.relevant_pairs,
    judged.pairs_of_new_tracks
from parts
cross join trained
cross join judged
cross join counted;
