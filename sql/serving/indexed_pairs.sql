-- indexed_pairs: one row per pair, with the dense indexes of its user and track (null: not in the logs)
-- and its center: what is expected of the pair without neighbors, as far as the logs know it.
create or replace temp table indexed_pairs as
select
    pairs.position,
    indexed_users.user_index,
    tracks.popularity_rank - 1 as track_index,
    {% if centering == 'baseline' %}
    getvariable('mean_time') + coalesce(indexed_users.bias, 0.0) + coalesce(tracks.bias, 0.0)
    {% elif centering == 'user' %}
    coalesce(indexed_users.mean_time, getvariable('mean_time'))
    {% else %}
    case when indexed_users.user_index is null then getvariable('mean_time') else 0.0 end
    {% endif %}
    as center
from pairs
left join indexed_users on pairs.user_text = cast(indexed_users."user" as varchar)
left join tracks
    on pairs.track_text = cast(tracks.track as varchar) and tracks.popularity_rank is not null;
