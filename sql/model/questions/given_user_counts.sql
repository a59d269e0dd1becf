-- given_user_counts: one row: the ids in the file of users; how many are users of the logs, and how many repeat one.
-- An id that stands twice counts once as a user of the logs, or of those without, and once as repeated.
with
given as (
    select
        id_text,
        count(*) as times
    from given_users
    group by id_text
)

select
    coalesce(sum(given.times), 0) as ids,
    count(user_times."user") as known,
    coalesce(sum(given.times - 1), 0) as repeated
from given
left join user_times on given.id_text = cast(user_times."user" as string);
