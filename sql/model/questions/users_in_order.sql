-- users_in_order: one row per user in the logs, in order of the dense index: its id and its center.
-- as_text: the id as a text, which an array holds whatever the type.
select
    {% if as_text %}cast("user" as string){% else %}"user"{% endif %} as id,
    center
from user_centers
order by user_index;
