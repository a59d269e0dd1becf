-- One row: how many pairs have a user or a track that the logs do not know, and how many there are.
select
    count(*) filter (where user_index is null or track_index is null) as unknown,
    count(*) as pairs
from indexed_pairs;
