-- counted_users: one row per user with a relevant track, and how many those are: only lists of these
-- users can be right or wrong.
create or replace temp table counted_users as
select
    user_index,
    count(*) as relevant_tracks
from truth
where relevant
group by user_index
order by user_index;
