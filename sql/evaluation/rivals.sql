-- rivals: one row per question about the presets of a comparison: the best one, and what it is compared with.
-- lists: ndcg at the greatest cut, the best preset and the next one. predictions: rmse, likewise. In
-- lists_baseline and predictions_baseline the other one is the best baseline. played: auc, if the best preset by it
-- is not the best one for lists, which is the other one here.
-- users: those with a value of the metric. auc: of the best preset. series, other_series: their numbers in series; other,
-- other_series: null, if there is no other one.
create or replace temp table rivals as
with
measured as (
    select
        settings.number,
        settings.setting,
        settings.kind = 'baseline' as is_baseline,
        metrics.metric,
        metrics.cut,
        metrics.value,
        metrics.users,
        series.series,
        case when metrics.metric = 'rmse' then metrics.value else -metrics.value end as cost
    from metrics
    inner join settings on metrics.setting = settings.setting
    inner join series
        on
            settings.number = series.setting_number
            and metrics.metric = series.metric
            and metrics.cut is not distinct from series.cut
    where
        metrics.metric in ('auc', 'rmse')
        or (metrics.metric = 'ndcg' and metrics.cut = (select max(cut) from cuts))
),

ranked as (
    select
        *,
        row_number() over (partition by metric, is_baseline order by cost, number) as place
    from measured
),

best as (
    from ranked where place = 1 and not is_baseline
),

purposes as (
    select * from (values ('lists', 'ndcg'), ('predictions', 'rmse')) as purposes (purpose, metric)
),

pairs as (
    select
        purposes.purpose as question,
        best,
        nexts as other
    from purposes
    inner join best on purposes.metric = best.metric
    left join ranked as nexts
        on best.metric = nexts.metric and nexts.place = 2 and not nexts.is_baseline
    union all
    select
        purposes.purpose || '_baseline' as question,
        best,
        baselines as other
    from purposes
    inner join best on purposes.metric = best.metric
    inner join ranked as baselines
        on best.metric = baselines.metric and baselines.place = 1 and baselines.is_baseline
    union all
    select
        'played' as question,
        best,
        measured as other
    from best
    inner join best as best_lists on best_lists.metric = 'ndcg'
    inner join measured
        on best_lists.setting = measured.setting and best.metric = measured.metric
    where best.metric = 'auc' and best.setting <> best_lists.setting
)

select
    question,
    best.metric,
    best.cut,
    best.setting,
    best.value,
    best.users,
    aucs.value as auc,
    best.series,
    other.setting as other,
    other.value as other_value,
    other.series as other_series
from pairs
left join measured as aucs on best.setting = aucs.setting and aucs.metric = 'auc'
order by question;
