-- indexed_users: one row per user: its dense index (from 0, by id), and its center, the user's part of
-- the expected time, with the centering of the build. The bias of a track is the track's part.
create or replace temp table indexed_users as
select
    row_number() over (order by users."user") - 1 as user_index,
    users."user",
    case coalesce(build.options ->> 'centering', 'user')
        when 'user' then users.mean_time
        when 'baseline' then getvariable('mean_time') + users.bias
        else 0.0
    end as center
from users
cross join build;
