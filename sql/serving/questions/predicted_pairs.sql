-- predicted_pairs: one row per pair, in the order given: its predicted time, in the scale of the build, and its
-- support.
-- The ids keep the type that they have in the database if all given texts are such ids; else they are texts.
select
    {% if user_type %}cast(pairs.user_text as {{ user_type }}){% else %}pairs.user_text{% endif %} as "user",
    {% if track_type %}cast(pairs.track_text as {{ track_type }}){% else %}pairs.track_text{% endif %} as track,
    scaled_time(
        least(greatest(indexed_pairs.center + coalesce(deviations.deviation, 0.0), 0.0), 1.0)
    ) as predicted_time,
    coalesce(deviations.support, 0) as support
    {%- if own_tracks %},
    coalesce(deviations.own_support, 0) as own_support
    {%- endif %}

from pairs
inner join indexed_pairs on pairs.position = indexed_pairs.position
left join deviations on pairs.position = deviations.position
order by pairs.position;
