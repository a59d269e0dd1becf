-- cuts: one row per list length at which lists are measured.
create or replace temp table cuts as
select unnest(cast(getvariable('cuts') as integer[])) as cut;
