-- counted_users: one row per user with a relevant track: the number of its relevant tracks.
-- Lists are measured over these users only: the lists of others have nothing to find.
create or replace temp table counted_users as
select
    user_index,
    count(*) as relevant_tracks
from truth
where relevant
group by user_index
order by user_index;
