-- parquet_columns: one row per column of the Parquet file in the variable `log_paths`, in its order: name and type.
-- is_renamed: the file has another column whose name differs in case alone, or not at all.
with
described as (
    select
        column_name,
        column_type,
        row_number() over () as position
    from (describe from read_parquet(getvariable('log_paths'), hive_partitioning = false))
)

select
    column_name,
    column_type,
    column_name not in (select name from parquet_schema(getvariable('log_paths'))) as is_renamed
from described
order by position;
