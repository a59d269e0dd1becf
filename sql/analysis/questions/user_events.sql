-- user_events: one row per event of a given user, in the order of the table events, which it hides.
-- variable user: the given user.
create or replace temp table events as
select *
from events
where "user" = getvariable('user');
