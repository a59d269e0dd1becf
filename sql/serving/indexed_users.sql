-- indexed_users: one row per user in the logs, with its dense index (from 0, by id).
-- center: the user's part of the expected time, with the centering of the build; the bias of a track is
-- the track's part.
create or replace temp table indexed_users as
with
-- once: not for every user
model as materialized (
    select coalesce(options ->> 'centering', 'user') as centering
    from build
)

select
    row_number() over (order by users."user") - 1 as user_index,
    users."user",
    case model.centering
        when 'user' then users.mean_time
        when 'baseline' then getvariable('mean_time') + users.bias
        else 0.0
    end as center
from users
cross join model;
