-- parts_of_files: one row per log file and part, of those in the variable `parts`, that has rows of it.
select distinct
    file_number,
    filename as part
from read_parquet(getvariable('parts'), filename = true, hive_partitioning = false)
order by file_number, part;
