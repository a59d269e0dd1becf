-- list_changes: one row per user in both databases: how much the list of recommendations changed.
-- A temporary table, read by lists and changed_users.
-- overlap_10: the number of tracks in the first 10 of both lists, divided by the length of the longer list or
-- by 10, whichever is smaller; overlap_100 likewise. Two empty lists have an overlap of 1.
-- rbo: rank-biased overlap with p = 0.9 (Webber, Moffat and Zobel, A similarity measure for
-- indefinite rankings, ACM Transactions on Information Systems 28(4), 2010). It is defined as a sum over
-- all depths,
--     (1 - p) * sum over d = 1, 2, ... of p^(d - 1) * A_d,
-- where A_d is the number of tracks in the first d of both lists, divided by d. Here the sum ends at the
-- length n of the longer list and is divided by 1 - p^n, its value for two equal lists of that length.
-- So equal lists have 1, lists without a common track 0, and in lists of 100 the first ten ranks have 86 %
-- of the weight.
-- A track whose worse rank is m counts at the depths m to n: it adds the sum of p^(d - 1) / d over these
-- depths. The terms are decimals, so that the sums are exact whatever the order.
-- Ids are compared as texts, since their types may differ.
-- The two databases are attached as old and new.
create or replace temp table list_changes as
with
old_lengths as (
    select
        "user",
        count(*) as tracks
    from old.recommendations
    group by "user"
),

new_lengths as (
    select
        "user",
        count(*) as tracks
    from new.recommendations
    group by "user"
),

users_of_both as (
    select
        old_users."user" as old_user,
        new_users."user" as new_user,
        coalesce(old_lengths.tracks, 0) as old_tracks,
        coalesce(new_lengths.tracks, 0) as new_tracks,
        greatest(coalesce(old_lengths.tracks, 0), coalesce(new_lengths.tracks, 0)) as length
    from old.users as old_users
    inner join new.users as new_users
        on cast(old_users."user" as varchar) = cast(new_users."user" as varchar)
    left join old_lengths on old_users."user" = old_lengths."user"
    left join new_lengths on new_users."user" = new_lengths."user"
),

tracks_of_both as (
    select
        old_tracks.track as old_track,
        new_tracks.track as new_track
    from old.tracks as old_tracks
    inner join new.tracks as new_tracks
        on cast(old_tracks.track as varchar) = cast(new_tracks.track as varchar)
),

common as (
    select
        users_of_both.old_user,
        greatest(old_list.rank, new_list.rank) as worse_rank,
        old_list.rank = new_list.rank as same_rank
    from old.recommendations as old_list
    inner join users_of_both on old_list."user" = users_of_both.old_user
    inner join tracks_of_both on old_list.track = tracks_of_both.old_track
    inner join new.recommendations as new_list
        on
            users_of_both.new_user = new_list."user"
            and tracks_of_both.new_track = new_list.track
),

depths as (
    select unnest(range(1, (select max(length) + 1 from users_of_both))) as depth
),

terms as (
    select
        depth,
        cast(power(cast(0.9 as double), depth - 1) / depth as decimal(38, 20)) as term
    from depths
),

-- to_depth: the sum of the terms of the depths 1 to depth; above: 1 to depth - 1
weights as (
    select
        depth,
        sum(term) over (order by depth) as to_depth,
        sum(term) over (order by depth) - term as above
    from terms
),

-- equal_lists: the sum over all tracks if both lists are equal and of this length
lengths as (
    select
        depth as length,
        to_depth,
        depth * to_depth - sum(above) over (order by depth) as equal_lists
    from weights
),

counted as (
    select
        common.old_user,
        count(*) as common_tracks,
        count(*) filter (where common.worse_rank <= 10) as common_10,
        count(*) filter (where common.worse_rank <= 100) as common_100,
        count(*) filter (where common.same_rank) as same_ranks,
        sum(weights.above) as above
    from common
    inner join weights on common.worse_rank = weights.depth
    group by common.old_user
)

select
    users_of_both.new_user as "user",
    users_of_both.old_tracks,
    users_of_both.new_tracks,
    coalesce(counted.same_ranks, 0) = users_of_both.length as identical,
    case
        when users_of_both.length = 0 then 1.0
        else coalesce(counted.common_10, 0) / least(users_of_both.length, 10)
    end as overlap_10,
    case
        when users_of_both.length = 0 then 1.0
        else coalesce(counted.common_100, 0) / least(users_of_both.length, 100)
    end as overlap_100,
    case
        when users_of_both.length = 0 then 1.0
        else
            cast(coalesce(counted.common_tracks * lengths.to_depth - counted.above, 0) as double)
            / cast(lengths.equal_lists as double)
    end as rbo
from users_of_both
left join counted on users_of_both.old_user = counted.old_user
left join lengths on users_of_both.length = lengths.length
order by users_of_both.new_user;
