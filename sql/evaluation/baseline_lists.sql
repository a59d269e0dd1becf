-- lists: one row per counted user and track of its list by the baseline {{ baseline }}.
{% if baseline == 'random' %}
-- All lists are pieces of one order by lot, which begins anew where it ends; each user's begins
-- elsewhere. So each list by itself is any list, with the same chance.
{% else %}
-- All users have the same list, but for what they may not get.
{% endif %}
create or replace temp table lists as
with
sizes as (
    select
        (select count(*) from track_times) as tracks,
        (select count(*) from user_times) as users
),

-- enough places for a whole list beside all that the user has heard
places as (
    select
        counted_users.user_index,
        {% if baseline == 'random' %}
        counted_users.user_index * sizes.tracks // sizes.users as first_place,
        {% else %}
        0 as first_place,
        {% endif %}
        unnest(range(
            0,
            least(
                cast(getvariable('top') as bigint) {% if exclude_heard %}+ user_times.tracks{% endif %},
                sizes.tracks
            )
        )) as step
    from counted_users
    inner join user_times on counted_users.user_index = user_times.user_index
    cross join sizes
),

candidates as (
    select
        places.user_index,
        places.step,
        {{ baseline }}.track_index
    from places
    cross join sizes
    inner join {{ baseline }} on (places.first_place + places.step) % sizes.tracks = {{ baseline }}.place
    {% if exclude_heard %}
    left join indexed_interactions as heard
        on places.user_index = heard.user_index and {{ baseline }}.track_index = heard.track_index
    where heard.track_index is null
    {% endif %}
),

ranked as (
    select
        user_index,
        row_number() over (partition by user_index order by step) as rank,
        track_index
    from candidates
)

select
    user_index,
    rank,
    track_index
from ranked
where rank <= cast(getvariable('top') as bigint);
