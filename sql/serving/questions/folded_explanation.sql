-- folded_explanation: one row per recommendation for the new user and neighbor that contributes most to it.
-- contribution: the similarity times the counted time of the neighbor; the score is the sum of all of them.
-- With a scale, the counted time is a difference in it, and the product is divided by the length of the scale.
-- A row without a neighbor is the new user's own contribution.
-- neighbors: all that contribute to the track; place: of the neighbor among these, from 1.
-- variable k: neighbors at most for each track.
with
ranked as (
    select
        *,
        row_number() over (
            partition by rank order by abs(contribution) desc, user_index asc
        ) as place,
        count(*) over (partition by rank) as neighbors
    from found_contributions
)

select
    ranked.rank,
    coalesce(tracks.track, try_cast(heard.track_text as {{ track_type }})) as track,
    tracks.artist,
    tracks.title,
    ranked.neighbors,
    ranked.place,
    indexed_users."user" as neighbor,
    ranked.similarity,
    scaled_difference(ranked.counted_time) as counted_time,
    ranked.contribution
from ranked
left join tracks on ranked.track_index = tracks.popularity_rank - 1
left join (select distinct track_index, track_text from history) as heard
    on ranked.track_index = heard.track_index
left join indexed_users on ranked.user_index = indexed_users.user_index
where ranked.place <= getvariable('k')
order by ranked.rank, ranked.place;
