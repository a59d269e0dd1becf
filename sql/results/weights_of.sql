-- weights_of(listener): one row per user who counts in the scores of the listener, given by id, the greatest weight first.
-- weight: what the times of the user are multiplied by: the similarity; with a walk, what the table weights has,
-- maybe for the listener itself; with a ridge likewise, and of its weights only the greatest in magnitude are stored.
-- Where that table was left empty, because it would be too large, this is an error.
create macro weights_of(listener) as table
with
model as (
    select
        coalesce(cast(options ->> 'walk' as bigint), 0) > 0
        or coalesce(options ->> 'similarity', 'full') = 'ridge' as are_stored
    from build
),

stored as (
    select
        weights.neighbor,
        weights.weight
    from weights
    cross join model
    where weights."user" = listener and model.are_stored
),

common as (
    select
        theirs."user" as neighbor,
        count(*) as common_tracks
    from interactions as theirs
    inner join stored on theirs."user" = stored.neighbor
    inner join interactions as own on theirs.track = own.track
    where own."user" = listener
    group by theirs."user"
),

-- a listener with a neighbor has weights; without any they were not stored
missing as (
    select
        users."user",
        users.positive_neighbors > 0 and (select count(*) from stored) = 0 as is_missing,
        'the weights are not stored: they would be too many; ubcf explain computes those of a user'
            as message
    from users
    cross join model
    where users."user" = listener and model.are_stored
)

select
    similarities.place,
    similarities.neighbor,
    similarities.weight,
    similarities.common_tracks
from similarities_of(listener) as similarities
cross join model
where not model.are_stored
union all
select
    row_number() over (order by stored.weight desc, stored.neighbor) as place,
    stored.neighbor,
    stored.weight,
    coalesce(common.common_tracks, 0) as common_tracks
from stored
left join common on stored.neighbor = common.neighbor
union all
select
    0 as place,
    case when is_missing then error(message) else "user" end as neighbor,
    0.0 as weight,
    0 as common_tracks
from missing
where case when is_missing then error(message) is null else false end
order by place;
