-- unknown_pairs: one row: the number of pairs whose user or track is not in the logs, and of all pairs.
select
    count(*) filter (where user_index is null or track_index is null) as unknown,
    count(*) as pairs
from indexed_pairs;
