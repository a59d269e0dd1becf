-- recommendations_json: one row per user, in ascending order: a line of JSON, as the service loads it.
-- The tracks of a user are in order of rank, the best first.
select
    '{"user": ' || cast(to_json("user") as varchar) || ', "tracks": ['
    || array_to_string(
        list_transform(list(track order by rank), lambda t: cast(to_json(t) as varchar)), ', '
    )
    || ']}' as line
from recommendations
group by "user"
order by "user";
