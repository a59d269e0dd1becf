-- recommendations: one row per recommendation to a user of the logs, and to a user without logs among them.
-- Known ones are those of consecutive users of the logs; of the popular ones, those to users whose ids are from
-- the variable `first_id` on and before `next_id`; null: no end.
create or replace temp view recommendations as
from known_recommendations
union all
from popular_recommendations
where
    (getvariable('first_id') is null or "user" >= cast(getvariable('first_id') as {{ user_type }}))
    and (getvariable('next_id') is null or "user" < cast(getvariable('next_id') as {{ user_type }}));
