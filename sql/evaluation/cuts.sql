-- cuts: one row per number of tracks at which lists are cut to be measured.
create or replace temp table cuts as
select unnest(cast(getvariable('cuts') as integer[])) as cut;
