-- age: one row: how old the newest event was when the build began, in days; not checked without a threshold.
-- Events dated more than a day after the build began do not count, as they would hide that the logs ended.
-- variable max_age: the greatest age that is healthy, in days.
with
newest as (
    select
        max(build.started_at) as started_at,
        max(events.timestamp) filter (
            where events.timestamp <= build.started_at + interval 1 day
        ) as timestamp
    from events
    cross join build
),

measured as (
    select
        timestamp,
        (epoch(started_at) - epoch(timestamp)) / 86400 as figure,
        cast(getvariable('max_age') as double) as threshold
    from newest
)

select
    figure,
    threshold,
    case when threshold is not null then coalesce(figure <= threshold, false) end as healthy,
    case
        when timestamp is null then 'no event has a timestamp that tells its age'
        else format(
            'the newest event, of {} UTC, was {:.2f} days old when the build began; ',
            strftime(timestamp, '%Y-%m-%d %H:%M'),
            figure
        ) || case
            when threshold is null then 'no age is given that is healthy'
            else format('at most {:.2f} is healthy', threshold)
        end
    end as sentence
from measured;
