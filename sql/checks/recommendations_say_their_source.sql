-- recommendations_say_their_source: one row per recommendation whose source does not agree with its score.
-- Only a track that the user has heard can be from the user's own listening, and only in a build whose scores
-- count it (own_liking, walk).
select
    recommendations."user",
    recommendations.rank,
    recommendations.track,
    recommendations.score,
    recommendations.source
from recommendations
where
    recommendations.source is null
    or not case recommendations.source
        when 'neighbors' then recommendations.score > 0
        when 'own'
            then
                recommendations.score > 0
                and recommendations.heard
                and {{ variable('counts_own_listening') }}
        when 'popularity' then recommendations.score = 0
        when 'tail' then recommendations.score < 0
        else false
    end;
