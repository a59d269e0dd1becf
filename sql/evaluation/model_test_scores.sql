-- test_scores: one row per pair of truth: the score of the track by the model, and the predicted time.
-- predicted_time: the expected time plus the deviation predicted by the neighbors, limited to 0 to 1. The
-- center of a track that is not in the training part is 0.
create or replace temp table test_scores as
select
    truth.pair,
    pair_scores.score,
    least(
        greatest(
            user_centers.center + coalesce(track_centers.center, 0.0) + pair_scores.deviation,
            0.0
        ),
        1.0
    ) as predicted_time
from truth
inner join pair_scores on truth.pair = pair_scores.pair
inner join user_centers on truth.user_index = user_centers.user_index
left join track_centers on truth.track_index = track_centers.popularity_rank - 1
order by truth.pair;
