-- without_earlier_events: removes the events that are earlier than the first moment that is kept.
delete from events
where timestamp < getvariable('first_moment');
