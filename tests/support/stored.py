"""The database of a build, turned into views of Parquet files, as a build on Spark leaves them."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from tests.support.commands import call_ubcf
from tests.support.servers import Bucket
from ubcf.database.paths import pattern
from ubcf.database.session import identifier, literal
from ubcf.database.stored_views import MARKER, STORED_TABLES, open_store
from ubcf.database.tables import MACROS
from ubcf.database.templates import Templates
from ubcf.remote import remote


def with_views(
    database: Path, folder: Path, bucket: Bucket | None = None, prefix: str = "results/build"
) -> Path:
    """Makes ubcf.duckdb in a folder, whose tables are views of Parquet in its folder results/.

    Each table is in two files. The small tables, the macros and the comments are as they were.
    bucket: where the files are instead, below the prefix.
    """
    pointer, results = folder / "ubcf.duckdb", folder / "results"
    results.mkdir(parents=True)
    (results / MARKER).write_text("{}", encoding="utf-8")
    with duckdb.connect(str(pointer)) as connection:
        if bucket is not None:
            bucket.put(f"{prefix}/{MARKER}", b"{}")
            open_store(connection, remote().file, ["s3"])
        connection.execute(f"attach {literal(str(database))} as built (read_only)")
        tables = connection.execute(
            "select table_name, comment from duckdb_tables() where database_name = 'built'"
        ).fetchall()
        for table, comment in tables:
            is_stored = table in STORED_TABLES
            query = f"from built.{table}"
            if is_stored:
                files = _write(connection, table, results)
                if bucket is not None:
                    bucket.put_folder(results / table, f"{prefix}/{table}")
                    place = f"s3://{bucket.name}/{prefix}/{table}"
                    files = [f"{place}/{number:06}.parquet" for number in range(len(files))]
                query = _reading(connection, table, files)
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
    if bucket is not None:
        shutil.rmtree(results)
    return pointer


def _write(connection: duckdb.DuckDBPyConnection, table: str, results: Path) -> list[str]:
    """Writes a table of the database `built` as two files; returns how a view names them."""
    (results / table).mkdir()
    ((half,),) = connection.execute(f"select (count(*) + 1) // 2 from built.{table}").fetchall()
    files = []
    for number, rows in enumerate((f"limit {half}", f"offset {half}")):
        path = results / table / f"{number:06}.parquet"
        connection.execute(f"copy (from built.{table} {rows}) to {literal(str(path))}")
        files.append(pattern(path))
    return files


def _reading(connection: duckdb.DuckDBPyConnection, table: str, files: list[str]) -> str:
    """The query of the rows of a table of the database `built` in files."""
    types = connection.execute(f"describe built.{table}").fetchall()
    columns = ", ".join(
        f"cast({identifier(name)} as {type}) as {identifier(name)}" for name, type, *_ in types
    )
    return f"select {columns} from read_parquet({literal(files)}, hive_partitioning = false)"


def assert_prints_the_same(folders: tuple[Path, Path], command: list[str]) -> None:
    """A command prints the same in both folders, and it prints something."""
    expected, found = (call_ubcf(*command, cwd=folder) for folder in folders)
    assert (found.returncode, found.stdout, found.stderr) == (
        expected.returncode,
        expected.stdout,
        expected.stderr,
    )
    assert expected.stdout
