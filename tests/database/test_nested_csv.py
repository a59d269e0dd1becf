"""Lists, structs and maps in CSV are JSON: Python and DuckDB read them back as they were."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.builds import Built
from tests.support.commands import call_ubcf
from ubcf.database import SAFE_CSV
from ubcf.database.formats import write_parts, write_rows


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


# Each column with its type; n is the number of the row.
NESTED = """
create table nested as
select * from (values
    (1, [647, 526], ['a,b', 'say "hi"', 'it''s [1], {2}'], {'x': 0.1, 'y': ['ü']}, map {'E': 'T1'}),
    (2, [], ['=1+1', null, e'two\\nlines\\t\\x1f', '音楽', ''], null, map {}),
    (3, null, ['\\', 'null'], {'x': null, 'y': []}, map {'A "1"': 'C', 'B': null}),
    (4, [null], [], {'x': 1e300, 'y': null}, null)
) as rows (n, ids, texts, struct, map)
"""

VALUES: list[list[Any]] = [
    [1, [647, 526], ["a,b", 'say "hi"', "it's [1], {2}"], {"x": 0.1, "y": ["ü"]}, {"E": "T1"}],
    [2, [], ["=1+1", None, "two\nlines\t\x1f", "音楽", ""], None, {}],
    [3, None, ["\\", "null"], {"x": None, "y": []}, {'A "1"': "C", "B": None}],
    [4, [None], [], {"x": 1e300, "y": None}, None],
]


@pytest.mark.parametrize("form", ["csv", SAFE_CSV])
def test_the_modules_csv_and_json_read_nested_values_back(
    connection: duckdb.DuckDBPyConnection, form: str
) -> None:
    connection.execute(NESTED)
    whole, of_parts = io.StringIO(), io.StringIO()
    write_rows(connection, connection.table("nested"), form, whole)
    write_parts(connection, {"p": connection.table("nested")}, form, of_parts)
    rows = list(csv.reader(io.StringIO(whole.getvalue(), newline="")))
    assert rows[0] == ["n", "ids", "texts", "struct", "map"]
    assert [[json.loads(cell) if cell else None for cell in row] for row in rows[1:]] == VALUES
    assert of_parts.getvalue().splitlines() == [
        f"{'p' if number else 'part'},{line}"
        for number, line in enumerate(whole.getvalue().splitlines())
    ]


def test_copy_of_duckdb_reads_nested_values_back(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    connection.execute(NESTED)
    with (tmp_path / "nested.csv").open("w", encoding="utf-8", newline="") as out:
        write_rows(connection, connection.table("nested"), "csv", out)
    connection.execute(
        "create table copied (n integer, ids json, texts json, struct json, map json)"
    )
    connection.execute(f"copy copied from '{tmp_path}/nested.csv' (header)")
    read = connection.sql("""
    select
        n,
        from_json(ids, '["INTEGER"]') as ids,
        from_json(texts, '["VARCHAR"]') as texts,
        from_json(struct, '{"x": "DOUBLE", "y": ["VARCHAR"]}') as struct,
        cast(from_json(map, '"MAP(VARCHAR, VARCHAR)"') as map(varchar, varchar)) as map
    from copied
    """)
    assert read.fetchall() == connection.table("nested").fetchall()
    assert len(read) == 4


def test_values_that_json_lacks_and_types_that_say_nothing_of_their_values_are_json_too(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    query = """
    select
        ['nan'::double, 0.5] as xs, [date '2026-01-02'] as days,
        union_value(u := 'nan'::double) as u,
        ['{"k": [1]}'::json] as documents,
        '{"k":  1.0}'::json as document
    """
    out = io.StringIO()
    write_rows(connection, connection.sql(query), "csv", out)
    (row,) = list(csv.reader(io.StringIO(out.getvalue())))[1:]
    assert row[:4] == ["[null, 0.5]", '["2026-01-02"]', '{"u": null}', '[{"k": [1]}]']
    assert row[4] == '{"k":  1.0}'  # as it was written


def test_a_column_of_unions_alone_keeps_its_nulls(connection: duckdb.DuckDBPyConnection) -> None:
    out = io.StringIO()
    query = "select unnest([union_value(u := 1.5), null]) as u"
    write_rows(connection, connection.sql(query), "csv", out)
    assert list(csv.reader(io.StringIO(out.getvalue()))) == [["u"], ['{"u": 1.5}'], [""]]


@pytest.mark.parametrize(
    ("command", "column"),
    [
        (("explain", "287", "109"), "common_titles"),
        (("query", "similar_users", "-p", "user=7"), "common_titles"),
        (("inspect", "user", "7"), "common_titles"),
        (("sql", "select ['Bralbek - Crooked Windows'] as common_titles"), "common_titles"),
    ],
)
def test_commands_write_lists_as_json(sample: Built, command: tuple[str, ...], column: str) -> None:
    done = call_ubcf(*command, "-d", sample.database, "--format", "csv", cwd=sample.folder)
    table = done.stdout.split("\n\n")[-1]  # the last part of inspect
    rows = list(csv.DictReader(io.StringIO(table)))
    assert json.loads(rows[0][column])[0] == "Bralbek - Crooked Windows"
