-- user_profile: one row: a user's mean time, neighbors, scores, sessions and experiments.
-- A user without logs, who gets the popular tracks, has 0 events.
-- sessions_ended: events with the message 'last'.
-- treatments: the experiments of the events, each as name=treatment, in order.
-- popular_plays_share: the share of the plays that go to the 5 % of the tracks with the most listening time.
-- variable user: the user.
with
own_events as (
    select
        message,
        timestamp,
        track,
        experiments
    from events
    where "user" = getvariable('user')
),

activity as (
    select
        min(timestamp) as first_event,
        max(timestamp) as last_event,
        count(*) filter (where message = 'last') as sessions_ended
    from own_events
),

own_treatments as (
    select distinct unnest(map_entries(experiments)) as entry
    from own_events
),

treatments as (
    select
        string_agg(entry.key || '=' || entry.value, ', ' order by entry.key, entry.value)
            as treatments
    from own_treatments
),

popular_tracks as (
    select track
    from tracks
    where
        popularity_rank <= (
            select ceil(0.05 * count(*))
            from tracks
            where popularity_rank is not null
        )
),

popularity as (
    select avg(case when popular_tracks.track is null then 0.0 else 1.0 end) as popular_plays_share
    from own_events
    left join popular_tracks on own_events.track = popular_tracks.track
)

select
    getvariable('user') as "user",
    coalesce(users.events, 0) as events,
    coalesce(users.tracks, 0) as tracks,
    scaled_time(users.mean_time) as mean_time,
    users.norm,
    users.positive_neighbors,
    users.negative_neighbors,
    users.positive_scores,
    activity.first_event,
    activity.last_event,
    activity.sessions_ended,
    treatments.treatments,
    popularity.popular_plays_share
from activity
cross join treatments
cross join popularity
left join users on users."user" = getvariable('user');
