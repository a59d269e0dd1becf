-- weights: one row per user who counts in the scores of a given user, whose weights the build did not store.
-- Hides the table of the build, which is empty then.
-- variable user: the given user.
create or replace temp table weights as
select
    getvariable('user') as "user",
    indexed_users."user" as neighbor,
    found_weights.weight
from found_weights
inner join indexed_users on found_weights.user_index = indexed_users.user_index;
