-- timeline: one row per minute, hour, day, month or year (UTC) that has events: these, and who listened.
-- The unit is the smallest that divides the time between the first and the last event into at most some
-- hundreds. number: of the unit, the one of the first event being 0; units without events have no row. start:
-- its first moment; label: this as text, as precise as the unit.
with
period as (
    select
        min(timestamp) as first_event,
        max(timestamp) as last_event
    from events
),

units as (
    select
        case
            when date_diff('minute', first_event, last_event) <= 180 then 'minute'
            when date_diff('hour', first_event, last_event) <= 168 then 'hour'
            when date_diff('day', first_event, last_event) <= 400 then 'day'
            when date_diff('month', first_event, last_event) <= 480 then 'month'
            else 'year'
        end as unit
    from period
),

unit_events as (
    select
        units.unit,
        date_trunc(units.unit, events.timestamp) as start,
        count(*) as events,
        count(distinct events."user") as users
    from events
    cross join units
    where events.timestamp is not null
    group by units.unit, date_trunc(units.unit, events.timestamp)
)

select
    unit_events.unit,
    date_diff(unit_events.unit, period.first_event, unit_events.start) as number,
    unit_events.start,
    case unit_events.unit
        when 'day' then strftime(unit_events.start, '%Y-%m-%d')
        when 'month' then strftime(unit_events.start, '%Y-%m')
        when 'year' then strftime(unit_events.start, '%Y')
        else strftime(unit_events.start, '%Y-%m-%d %H:%M')
    end as label,
    unit_events.events,
    unit_events.users
from unit_events
cross join period
order by unit_events.start;
