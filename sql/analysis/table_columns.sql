-- table_columns: one row per column of a table of the database, as the tables go from logs to results.
-- table_comment: what one row of the table is; comment: what the column holds.
with
flow as (
    select
        unnest([
            'events', 'rejected_lines', 'tracks', 'users', 'interactions', 'neighbors', 'weights',
            'recommendations', 'build', 'build_inputs', 'build_stages'
        ]) as table_name,
        unnest(range(11)) as place
),

-- of a build on Spark, most tables are views
tables as (
    select
        database_name,
        schema_name,
        table_name,
        comment
    from duckdb_tables()
    union all
    select
        database_name,
        schema_name,
        view_name as table_name,
        comment
    from duckdb_views()
    where view_name in (select table_name from flow)
)

select
    columns.table_name,
    tables.comment as table_comment,
    columns.column_name,
    columns.data_type,
    columns.comment
from duckdb_columns() as columns
inner join tables
    on
        columns.database_name = tables.database_name
        and columns.schema_name = tables.schema_name
        and columns.table_name = tables.table_name
left join flow on columns.table_name = flow.table_name
where
    columns.database_name = current_database()
    and columns.schema_name = 'main'
order by flow.place nulls last, columns.table_name, columns.column_index;
