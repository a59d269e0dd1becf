-- cold_users: one row per user without a positive neighbor or without a positive score, and why.
-- A user without a positive score gets the most popular tracks.
with
widest_audiences as (
    select
        interactions."user",
        max(tracks.listeners) as listeners
    from interactions
    inner join tracks on interactions.track = tracks.track
    group by interactions."user"
)

select
    users."user",
    users.events,
    users.tracks,
    scaled_time(users.mean_time) as mean_time,
    users.positive_neighbors,
    users.negative_neighbors,
    users.positive_scores,
    case
        when users.norm = 0 then 'the mean time is the same on all tracks'
        when widest_audiences.listeners = 1 then 'no track shared with another user'
        when users.positive_neighbors = 0 then 'no user who shares a track is similar'
        else 'no track of the neighbors has a score above 0'
    end as why
from users
inner join widest_audiences on users."user" = widest_audiences."user"
where users.positive_neighbors = 0 or users.positive_scores = 0
order by users."user";
