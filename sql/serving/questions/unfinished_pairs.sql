-- unfinished_pairs: one row if a pair lacks its user or its track: the first such pair.
select
    position,
    user_text is null as lacks_user
from pairs
where user_text is null or track_text is null
order by position
limit 1;
