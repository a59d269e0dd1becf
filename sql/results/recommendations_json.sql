-- The JSON that the service loads: one line per user, in ascending order, the best track first.
select
    '{"user": ' || cast(to_json("user") as varchar) || ', "tracks": ['
    || array_to_string(
        list_transform(list(track order by rank), lambda t: cast(to_json(t) as varchar)), ', '
    )
    || ']}' as line
from recommendations
group by "user"
order by "user";
