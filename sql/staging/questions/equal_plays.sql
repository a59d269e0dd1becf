-- equal_plays: one row: the pairs of equal events of a user, and how many of them chance would give.
-- Chance: pairs of plays that are equal but for their timestamps have equal timestamps as often as pairs of other
-- plays of one user. If no user has other plays: as often as any two events. Logs without timestamps repeat by chance.
with
contents as (
    select
        "user",
        timestamp,
        hash(track, time, message, latency, recommendation, experiments) as content
    from events
),

pairs as (
    select
        (select sum(n * (n - 1) / 2) from (select count(*) as n from contents))
            as of_all,
        (
            select sum(n * (n - 1) / 2)
            from (select count(*) as n from contents group by timestamp)
        ) as of_moments,
        (
            select sum(n * (n - 1) / 2)
            from (select count(*) as n from contents group by "user")
        ) as of_users,
        (
            select sum(n * (n - 1) / 2)
            from (select count(*) as n from contents group by "user", content)
        ) as of_plays,
        (
            select sum(n * (n - 1) / 2)
            from (select count(*) as n from contents group by "user", timestamp)
        ) as of_user_moments,
        (
            select sum(n * (n - 1) / 2)
            from (select count(*) as n from contents group by "user", timestamp, content)
        ) as of_equal_events
)

select
    coalesce(of_equal_events, 0) as equal_pairs,
    coalesce(
        of_plays * coalesce(
            (of_user_moments - of_equal_events) / nullif(of_users - of_plays, 0),
            (of_moments - of_equal_events) / nullif(of_all - of_equal_events, 0),
            1
        ),
        0
    ) as by_chance
from pairs;
