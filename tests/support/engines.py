"""Comparing the results of two engines: all tables in order and type, doubles to the last bit."""

from __future__ import annotations

import filecmp
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb

import ubcf
from ubcf.building.summary import BuildSummary

# A table of times, whose types depend on them.
STAGES = "build_stages"

# Columns of build that are those of a moment or of a machine.
OF_A_MOMENT = ("started_at", "seconds", "plan_reason", "plan_estimates")

# Those of a summary, and what two builds beside each other cannot have in common.
OF_AN_ENGINE = (*OF_A_MOMENT, "database", "output", "stages")

ROWS_AT_ONCE = 100_000


@dataclass(frozen=True)
class BothBuilds:
    """The same build by DuckDB and by Spark: what came of it, and its seconds.

    errors: the kinds and the words of those that failed, which have no summary.
    """

    databases: list[Path]
    outputs: list[Path]
    seconds: list[float]
    summaries: list[BuildSummary]
    errors: list[str]

    def differences(self) -> list[str]:
        """What differs between the two, if only in the words of an error; empty: nothing."""
        if self.errors:
            are_same = len(self.errors) == 2 and len(set(self.errors)) == 1
            return [] if are_same else self.errors
        found = differences(*self.databases) + self._unnamed_parts()
        one, two = self.outputs
        if not filecmp.cmp(one, two, shallow=False):
            found.insert(0, "the JSON")
        first, second = (summary.as_dict() for summary in self.summaries)
        return found + [
            f"{name} of the summary: {first[name]} and {second[name]}"
            for name in first
            if name not in OF_AN_ENGINE and first[name] != second[name]
        ]

    def _unnamed_parts(self) -> list[str]:
        """Parts of the tables of the build on Spark of which its views read nothing."""
        (results,) = (self.databases[1].parent / "ubcf-results").iterdir()
        with duckdb.connect(str(self.databases[1]), read_only=True) as connection:
            rows = connection.execute("select sql from duckdb_views() where not internal")
            views = "\n".join(text for (text,) in rows.fetchall())
        parts = map(str, sorted(results.rglob("*.parquet")))
        return [f"{part} is of no view" for part in parts if part not in views]


def both_builds(logs: Any, folder: Path, **options: Any) -> BothBuilds:
    """Builds the same by both engines."""
    from ubcf.spark.pipeline import build as build_on_spark

    built = BothBuilds([], [], [], [], [])
    for engine in (ubcf.build, build_on_spark):
        number = len(built.seconds)
        built.databases.append(folder / f"{number}.duckdb")
        built.outputs.append(folder / f"{number}.json")
        places: Any = {"database": built.databases[-1], "output": built.outputs[-1]}
        started = time.perf_counter()
        try:
            built.summaries.append(engine(logs, **places, **options))
        except ubcf.UbcfError as error:
            built.errors.append(f"{type(error).__name__}: {error}")
        built.seconds.append(time.perf_counter() - started)
    return built


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two databases of builds, a line for each table; empty: nothing."""
    with ubcf.connect(one) as first, ubcf.connect(other) as second:
        tables = [_tables(connection) for connection in (first, second)]
        if tables[0] != tables[1]:
            return [f"tables: {tables[0]} and {tables[1]}"]
        found = [_difference(table, first, second) for table in tables[0]]
        return [difference for difference in found if difference is not None]


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    names = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'main' order by all"
    )
    return [name for (name,) in names.fetchall()]


def _difference(
    table: str, first: duckdb.DuckDBPyConnection, second: duckdb.DuckDBPyConnection
) -> str | None:
    """The first difference between two tables in words; None: there is none."""
    if table == STAGES:
        return None
    columns = [_columns(connection, table) for connection in (first, second)]
    if columns[0] != columns[1]:
        return f"{table}: {columns[0]} and {columns[1]}"
    comments = [_comments(connection, table) for connection in (first, second)]
    if comments[0] != comments[1]:
        return f"{table}: other comments"
    kept = [name for name in columns[0] if table != "build" or name not in OF_A_MOMENT]
    pairs = zip_longest(_rows(first, table, kept), _rows(second, table, kept))
    for number, (row, other) in enumerate(pairs):
        if row != other:
            return f"{table}, row {number}: {row} and {other}"
    return None


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    relation = connection.table(table)
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def _comments(connection: duckdb.DuckDBPyConnection, table: str) -> list[Any]:
    return connection.execute(
        "select column_name, comment from duckdb_columns() where table_name = $name "
        "union all select '', comment from duckdb_tables() where table_name = $name "
        "union all select '', comment from duckdb_views() where view_name = $name order by all",
        {"name": table},
    ).fetchall()


def _rows(
    connection: duckdb.DuckDBPyConnection, table: str, columns: list[str]
) -> Iterator[tuple[Any, ...]]:
    """The rows, each value as text: doubles are written with all digits that they need."""
    texts = ", ".join(f'cast("{name}" as varchar)' for name in columns)
    cursor = connection.execute(f'select {texts} from "{table}"')
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield from rows
