-- lists: one row per counted user and track in its list by the baseline {{ baseline }}.
{% if baseline == 'random' %}
-- Each user's list is a slice of one shuffled order, wrapping around, at an offset of its own. So each
-- list, taken alone, is uniformly random.
{% else %}
-- All users have the same list{% if exclude_heard %}, without the tracks that they have heard{% endif %}.
{% endif %}
create or replace temp table lists as
with
sizes as (
    select
        (select count(*) from track_times) as tracks,
        (select count(*) from user_times) as users
),

-- positions of the order to look at: enough for a whole list, whatever the user has heard
steps as (
    select
        counted_users.user_index,
        {% if baseline == 'random' %}
        counted_users.user_index * sizes.tracks // sizes.users as first_position,
        {% else %}
        0 as first_position,
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
        steps.user_index,
        steps.step,
        {{ baseline }}.track_index
    from steps
    cross join sizes
    inner join {{ baseline }}
        on (steps.first_position + steps.step) % sizes.tracks = {{ baseline }}.position
    {% if exclude_heard %}
    left join indexed_interactions as heard
        on steps.user_index = heard.user_index and {{ baseline }}.track_index = heard.track_index
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
