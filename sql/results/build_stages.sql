-- build_stages: one row per stage of the build, in order.
create table build_stages as
select
    unnest(getvariable('stage_names')) as stage,
    unnest(getvariable('stage_seconds')) as seconds,
    unnest(getvariable('stage_rows')) as "rows";
