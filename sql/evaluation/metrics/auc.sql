-- auc: one row per user with relevant and other tracks in the test part: the share of all pairs of a relevant
-- and another track in which the relevant one has the greater score; a pair with equal scores counts half.
-- Scores that differ by less than 1e-10 are equal. The user has played all these tracks.
create or replace temp view auc as
with
scored as (
    select
        truth.user_index,
        truth.relevant,
        test_scores.score
    from truth
    inner join test_scores on truth.pair = test_scores.pair
)

select
    liked.user_index,
    cast(null as integer) as cut,
    avg(
        case
            when abs(liked.score - other.score) < 1e-10 then 0.5
            when liked.score > other.score then 1.0
            else 0.0
        end
    ) as value,
    1 as weight
from scored as liked
inner join scored as other on liked.user_index = other.user_index
where liked.relevant and not other.relevant
group by liked.user_index;
