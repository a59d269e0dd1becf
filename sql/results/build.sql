-- build: one row: the build that made this database.
create table build as
with
inputs as (
    select
        cast(sum(lines) as bigint) as lines,
        cast(sum(accepted) as bigint) as accepted,
        cast(sum(rejected) as bigint) as rejected,
        cast(sum(left_out) as bigint) as left_out,
        (select count(*) from events where timestamp is null) as undated_events
    from build_inputs
),

user_counts as (
    select
        count(*) as users,
        avg(positive_neighbors) as mean_positive_neighbors,
        avg(negative_neighbors) as mean_negative_neighbors,
        count(*) filter (where positive_scores = 0) as users_without_positive_score
    from users
),

track_counts as (
    select
        count(*) filter (where popularity_rank is not null) as tracks,
        count(*) filter (where popularity_rank is not null and not in_catalog)
            as tracks_without_catalog_entry,
        count(*) filter (where popularity_rank is not null and recommendable)
            as recommendable_tracks
    from tracks
),

uncataloged_counts as (
    select
        case
            when getvariable('has_catalog') then count(*)
        end as recommendations_without_catalog_entry
    from recommendations
    inner join tracks on recommendations.track = tracks.track
    where not tracks.in_catalog and getvariable('has_catalog')
),

interaction_counts as (
    select
        count(*) as interactions,
        cast(count(*) filter (where centered_time <> 0) as double) as nonzero_interactions
    from interactions
),

recommendation_counts as (
    select
        count(*) as recommendations,
        count(*) filter (where source = 'neighbors') / nullif(count(*), 0)
            as share_from_neighbors,
        count(*) filter (where source = 'neighbors' and rank <= 10)
        / nullif(count(*) filter (where rank <= 10), 0) as share_from_neighbors_to_10
    from recommendations
)

select
    getvariable('version') as version,
    cast(getvariable('started_at') as timestamp) as started_at,
    cast(getvariable('seconds') as double) as seconds,
    cast(getvariable('options') as json) as options,
    inputs.lines,
    inputs.accepted,
    inputs.rejected,
    inputs.left_out,
    cast(getvariable('duplicate_lines') as bigint) as duplicate_lines,
    cast(getvariable('suspicious_repeats') as boolean) as suspicious_repeats,
    cast(getvariable('timestamps_written') as varchar) as timestamp_unit,
    inputs.undated_events,
    case when inputs.undated_events > 0 then cast(getvariable('unread_timestamp') as varchar) end as unread_timestamp,
    user_counts.users,
    track_counts.tracks,
    interaction_counts.interactions,
    interaction_counts.nonzero_interactions / (user_counts.users * track_counts.tracks) as density,
    user_counts.mean_positive_neighbors,
    user_counts.mean_negative_neighbors,
    user_counts.users_without_positive_score,
    track_counts.tracks_without_catalog_entry,
    uncataloged_counts.recommendations_without_catalog_entry,
    track_counts.recommendable_tracks,
    cast(getvariable('unknown_given_tracks') as bigint) as unknown_given_tracks,
    cast(getvariable('given_users') as bigint) as given_users,
    cast(getvariable('known_given_users') as bigint) as known_given_users,
    cast(getvariable('repeated_given_users') as bigint) as repeated_given_users,
    cast(getvariable('users_without_logs') as bigint) as users_without_logs,
    recommendation_counts.recommendations,
    recommendation_counts.share_from_neighbors,
    recommendation_counts.share_from_neighbors_to_10,
    getvariable('plan') as plan,
    getvariable('plan_reason') as plan_reason,
    cast(getvariable('plan_estimates') as json) as plan_estimates
from inputs
cross join user_counts
cross join track_counts
cross join interaction_counts
cross join uncataloged_counts
cross join recommendation_counts;
