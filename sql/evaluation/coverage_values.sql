-- coverage_values: adds one row per cut for one setting: the share of the tracks in the training part that are
-- in the first ranks, up to the cut, of the list of at least one counted user.
create temp table if not exists coverage_values (
    setting_number integer,
    cut integer,
    value double,
    users bigint
);

insert into coverage_values
select
    cast(getvariable('setting_number') as integer) as setting_number,
    cuts.cut,
    cast(count(distinct lists.track_index) as double)
    / (select count(*) from track_times) as value,
    count(distinct lists.user_index) as users
from lists
inner join cuts on lists.rank <= cuts.cut
group by cuts.cut;
