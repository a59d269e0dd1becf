"""The database of a build, turned into views of Parquet files, as a build on Spark leaves them."""

from __future__ import annotations

from pathlib import Path

import duckdb

from ubcf.database.paths import pattern
from ubcf.database.session import identifier, literal
from ubcf.database.stored_views import MARKER, STORED_TABLES
from ubcf.database.tables import MACROS
from ubcf.database.templates import Templates


def with_views(database: Path, folder: Path) -> Path:
    """Makes ubcf.duckdb in a folder, whose tables are views of Parquet in its folder results/.

    Each table is in two files. The small tables, the macros and the comments are as they were.
    """
    pointer, results = folder / "ubcf.duckdb", folder / "results"
    results.mkdir(parents=True)
    (results / MARKER).write_text("{}", encoding="utf-8")
    with duckdb.connect(str(pointer)) as connection:
        connection.execute(f"attach {literal(str(database))} as built (read_only)")
        tables = connection.execute(
            "select table_name, comment from duckdb_tables() where database_name = 'built'"
        ).fetchall()
        for table, comment in tables:
            is_stored = table in STORED_TABLES
            query = _stored(connection, table, results) if is_stored else f"from built.{table}"
            kind = "view" if is_stored else "table"
            connection.execute(f"create {kind} {table} as {query}")
            connection.execute(f"comment on {kind} {table} is {literal(comment)}")
        columns = connection.execute(
            "select table_name, column_name, comment from duckdb_columns()"
            " where database_name = 'built'"
        ).fetchall()
        for table, column, comment in columns:
            connection.execute(
                f"comment on column {table}.{identifier(column)} is {literal(comment)}"
            )
        for macro in MACROS:
            connection.execute(Templates().render(f"results/{macro}.sql"))
    return pointer


def _stored(connection: duckdb.DuckDBPyConnection, table: str, results: Path) -> str:
    """Writes a table of the database `built` as two files; returns the query of its rows."""
    (results / table).mkdir()
    ((half,),) = connection.execute(f"select (count(*) + 1) // 2 from built.{table}").fetchall()
    files = []
    for number, rows in enumerate((f"limit {half}", f"offset {half}")):
        path = results / table / f"{number:06}.parquet"
        connection.execute(f"copy (from built.{table} {rows}) to {literal(str(path))}")
        files.append(pattern(path))
    types = connection.execute(f"describe built.{table}").fetchall()
    columns = ", ".join(
        f"cast({identifier(name)} as {type}) as {identifier(name)}" for name, type, *_ in types
    )
    return f"select {columns} from read_parquet({literal(files)}, hive_partitioning = false)"
