-- The JSON that the service loads: one line per user, in ascending order, the best track first.
select
    '{"user": ' || to_json("user")
    || ', "tracks": [' || string_agg(cast(to_json(track) as varchar), ', ' order by rank) || ']}' as line
from recommendations
group by "user"
order by "user";
