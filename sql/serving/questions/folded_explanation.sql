-- folded_explanation: one row per recommendation for the person and neighbor that contributes most to it.
-- contribution: similarity times what the neighbor's interaction counts; all of them make the score.
-- A row without a neighbor is the person's own part.
-- variable k: neighbors at most for each recommendation.
with
placed as (
    select
        *,
        row_number() over (
            partition by rank order by abs(contribution) desc, user_index asc
        ) as place,
        count(*) over (partition by rank) as neighbors
    from found_contributions
)

select
    placed.rank,
    coalesce(tracks.track, try_cast(heard.track_text as {{ track_type }})) as track,
    tracks.artist,
    tracks.title,
    placed.neighbors,
    placed.place,
    indexed_users."user" as neighbor,
    placed.similarity,
    placed.counted_time,
    placed.contribution
from placed
left join tracks on placed.track_index = tracks.popularity_rank - 1
left join (select distinct track_index, track_text from history) as heard
    on placed.track_index = heard.track_index
left join indexed_users on placed.user_index = indexed_users.user_index
where placed.place <= getvariable('k')
order by placed.rank, placed.place;
