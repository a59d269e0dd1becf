"""Rows as text: each format writes the values of every SQL type without loss."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.builds import build_in
from tests.support.commands import call_ubcf
from tests.support.logs import log_line, write_log
from tests.support.overlays import EVENTS_OF_TEXTS, overlay
from ubcf.commands import ubcf as group
from ubcf.database import FORMATS, SAFE_CSV
from ubcf.database.formats import Column, write_parts, write_rows


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def written(connection: duckdb.DuckDBPyConnection, query: str, form: str) -> str:
    out = io.StringIO()
    write_rows(connection, connection.sql(query), form, out)
    return out.getvalue()


VALUES = """
select * from (values
    (1, 'plain', 0.5::double, true, date '2026-01-02'),
    (-20, null, 1234567.25::double, false, null)
) as rows (n, "the text", x, b, d)
"""


def test_csv_has_a_header_and_empty_fields_for_null(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert written(connection, VALUES, "csv") == (
        "n,the text,x,b,d\n1,plain,0.5,true,2026-01-02\n-20,,1234567.25,false,\n"
    )


def test_json_is_one_array_of_objects(connection: duckdb.DuckDBPyConnection) -> None:
    assert written(connection, VALUES, "json") == (
        '[{"n": 1, "the text": "plain", "x": 0.5, "b": true, "d": "2026-01-02"},\n'
        ' {"n": -20, "the text": null, "x": 1234567.25, "b": false, "d": null}]\n'
    )
    assert written(connection, f"select * from ({VALUES}) where n = 0", "json") == "[]\n"


def test_json_lines_are_one_object_a_row(connection: duckdb.DuckDBPyConnection) -> None:
    assert written(connection, VALUES, "jsonl").splitlines() == [
        '{"n": 1, "the text": "plain", "x": 0.5, "b": true, "d": "2026-01-02"}',
        '{"n": -20, "the text": null, "x": 1234567.25, "b": false, "d": null}',
    ]
    assert written(connection, f"select * from ({VALUES}) where n = 0", "jsonl") == ""


def test_a_table_is_aligned_numbers_to_the_right(connection: duckdb.DuckDBPyConnection) -> None:
    assert written(connection, VALUES, "table") == (
        "  n  the text          x  b      d\n"
        "---  --------  ---------  -----  ----------\n"
        "  1  plain           0.5  true   2026-01-02\n"
        "-20            1234567.2  false\n"
    )


def test_markdown_is_a_table_that_bars_in_texts_do_not_break(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert written(connection, "select 1 as n, 'a|b\\c' as t", "markdown") == (
        "|   n | t       |\n| --: | ------- |\n|   1 | a\\|b\\\\c |\n"
    )


def test_fractions_have_six_digits_in_tables_and_all_elsewhere(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    query = "select 0.1::double + 0.2::double as x, 1e-300::double / 3 as tiny, 1/3 as third"
    assert written(connection, query, "table").splitlines()[2].split() == [
        "0.3",
        "3.33333e-301",
        "0.333333",
    ]
    assert written(connection, query, "csv").splitlines()[1] == (
        "0.30000000000000004,3.3333333333333334e-301,0.3333333333333333"
    )
    assert json.loads(written(connection, query, "jsonl")) == {
        "x": 0.1 + 0.2,
        "tiny": 1e-300 / 3,
        "third": 1 / 3,
    }


# The JSON of a value of each type, read back by Python.
TYPES: list[tuple[str, Any]] = [
    ("170141183460469231731687303715884105727::hugeint", 2**127 - 1),
    ("18446744073709551615::ubigint", 2**64 - 1),
    ("1.50::decimal(5, 2)", 1.5),
    ("0.1::float", 0.1),
    ("'nan'::double", None),
    ("'-infinity'::double", None),
    ("[1, 2, null]", [1, 2, None]),
    ("['nan'::double, 0.5]", [None, 0.5]),
    ("{'a': 1, 'b': ['ü', 'say \"hi\"']}", {"a": 1, "b": ["ü", 'say "hi"']}),
    ("map {'X': 'C', 'Y': 'T1'}", {"X": "C", "Y": "T1"}),
    ("map {date '2026-01-02': [1], 'infinity'::date: null}", {"2026-01-02": [1], "infinity": None}),
    ("[{'a b\"c': null}, null]", [{'a b"c': None}, None]),
    ("null::integer[]", None),
    ("[[], [[true]]]", [[], [[True]]]),
    ("""['{"k": 1.0}'::json]""", [{"k": 1.0}]),
    ("union_value(a := 'x')", {"a": "x"}),
    ("map {e'\\x1f': e'\\x01'}", {"\x1f": "\x01"}),
    ("""'{"k": [1, {"z": null}]}'::json""", {"k": [1, {"z": None}]}),
    ("timestamp '2026-11-24 10:00:00.5'", "2026-11-24 10:00:00.5"),
    ("timestamptz '2026-11-24 10:00:00+00'", "2026-11-24 10:00:00+00"),
    ("date 'infinity'", "infinity"),
    ("interval 3 days", "3 days"),
    ("'\\xAA'::blob", "\\xAA"),
    ("'\u2028 line, tab\t, quote\" and 音楽'", '\u2028 line, tab\t, quote" and 音楽'),
    ("'a\nb'", "a\nb"),
]


@pytest.mark.parametrize(("expression", "expected"), TYPES)
def test_json_has_a_value_for_every_type(
    connection: duckdb.DuckDBPyConnection, expression: str, expected: Any
) -> None:
    text = written(connection, f"select {expression} as value", "jsonl")
    assert text.count("\n") == 1
    assert json.loads(text) == {"value": expected}


@pytest.mark.parametrize("expression", [expression for expression, _ in TYPES])
def test_a_row_of_a_table_is_one_line(
    connection: duckdb.DuckDBPyConnection, expression: str
) -> None:
    for form in ("table", "markdown"):
        assert len(written(connection, f"select {expression} as v", form).splitlines()) == 3


def test_nested_fractions_have_all_digits_as_others_have(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    query = """
    select
        0.1::float as x, [0.1::float, 'nan'::float] as xs, {'x': 1e30::float} as s,
        [1.50::decimal(5, 2)] as d, map {'a': 12345678901234567890.5::decimal(38, 1)} as m
    """
    assert written(connection, query, "jsonl") == (
        '{"x": 0.1, "xs": [0.1, null], "s": {"x": 1e+30}, "d": [1.50], '
        '"m": {"a": 12345678901234567890.5}}\n'
    )


def test_csv_reads_back_unchanged(connection: duckdb.DuckDBPyConnection) -> None:
    texts = ["a,b", 'say "hi"', "two\nlines", "音楽", "", "'; drop table x; --"]
    values = ", ".join("('" + text.replace("'", "''") + "')" for text in texts)
    text = written(connection, f"select * from (values {values}) as rows (t)", "csv")
    assert [row[0] for row in csv.reader(io.StringIO(text, newline=""))] == ["t", *texts]


FORMULA_TEXTS = ["\t", "=1", "-5\n", "-x", "@", "\r", "-٣"]
ODD_TEXTS = [
    "", None, "a", "a,b", 'a"b', '"', "a\nb", "a\rb", " a ", "'", "#x", "\t", "ü 🎵", "\x00",
    "\x1f", "=1", "-5", "-5\n", "+1.5e3", "-inf", "-x", "@", "\r", "1e5", "٣", "-٣",
]  # fmt: skip


@pytest.mark.parametrize("form", ["csv", SAFE_CSV])
@pytest.mark.parametrize("columns", ["t", "t, n, t", "n, t"])
def test_rows_of_csv_are_those_that_the_module_csv_writes(
    connection: duckdb.DuckDBPyConnection, form: str, columns: str
) -> None:
    """Apart from carriage returns, which it puts into quotes from Python 3.13 on; we always do."""
    connection.execute("create table odd (t varchar, n integer)")
    connection.executemany("insert into odd values (?, ?)", [(t, 7) for t in ODD_TEXTS])
    rows = connection.execute(f"select {columns} from odd").fetchall()
    expected = io.StringIO()
    for row in rows:
        cells = [
            f"'{cell}" if form == SAFE_CSV and str(cell) in FORMULA_TEXTS else cell for cell in row
        ]
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerow(cells)
        expected.write(out.getvalue().removesuffix("\r\n") + "\n")
    text = written(connection, f"select {columns} from odd", form)
    assert text.split("\n", 1)[1] == expected.getvalue()


def test_wide_characters_take_two_columns_and_combining_marks_none(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    query = "select * from (values ('音楽', 1), ('e\u0301te', 2), ('abcd', 3)) as rows (t, n)"
    assert written(connection, query, "table") == (
        "t       n\n----  ---\n音楽    1\ne\u0301te     2\nabcd    3\n"
    )


def test_columns_of_the_same_name_stay_apart(connection: duckdb.DuckDBPyConnection) -> None:
    assert written(connection, "select 1 as a, 2 as a", "csv") == "a,a\n1,2\n"


def test_statements_that_describe_are_rows_too(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create table t (a integer)")
    for query in ("describe t", "show tables", "summarize t", "pragma table_info('t')"):
        assert len(written(connection, query, "csv").splitlines()) == 2
    assert "physical_plan" in written(connection, "explain select 1", "csv")


@pytest.mark.parametrize("form", FORMATS)
def test_rows_keep_their_order(connection: duckdb.DuckDBPyConnection, form: str) -> None:
    text = written(connection, "select 30000 - i as n from range(30000) as numbers (i)", form)
    numbers = [int("".join(filter(str.isdigit, line)) or 0) for line in text.splitlines()]
    assert [number for number in numbers if number] == list(range(30_000, 0, -1))


PARTS = {"user": "select 7 as id, 'A' as name", "plays": "select * from range(2) as t (n)"}


def parts_written(connection: duckdb.DuckDBPyConnection, form: str) -> str:
    out = io.StringIO()
    parts = {name: connection.sql(query) for name, query in PARTS.items()}
    write_parts(connection, parts, form, out, one_row=["user"])
    return out.getvalue()


def test_parts_are_one_json_object_with_a_key_each(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert json.loads(parts_written(connection, "json")) == {
        "user": {"id": 7, "name": "A"},
        "plays": [{"n": 0}, {"n": 1}],
    }


def test_parts_have_their_name_in_every_format(connection: duckdb.DuckDBPyConnection) -> None:
    assert parts_written(connection, "jsonl") == (
        '{"part": "user", "id": 7, "name": "A"}\n'
        '{"part": "plays", "n": 0}\n{"part": "plays", "n": 1}\n'
    )
    assert parts_written(connection, "csv") == (
        "part,id,name\nuser,7,A\n\npart,n\nplays,0\nplays,1\n"
    )
    assert parts_written(connection, "table") == (
        "user\nid    7\nname  A\n\nplays\n  n\n---\n  0\n  1\n"
    )
    assert parts_written(connection, "markdown") == (
        "## user\n\n|      |     |\n| ---- | --- |\n| id   | 7   |\n| name | A   |\n\n"
        "## plays\n\n|   n |\n| --: |\n|   0 |\n|   1 |\n"
    )


def test_the_commands_offer_every_format() -> None:
    (choice,) = [each for each in group.commands["query"].params if each.name == "form"]
    assert tuple(choice.type.choices) == FORMATS  # type: ignore[attr-defined]


FORMULAS = """
select * from (values
    ('=1+1', -20, '-20'), ('+cmd', 1, '+1.5e3'), ('-x', -1, '-inf'), ('@sum(a1)', null, null),
    (e'\\tx', 0, '1=1'), ('plain', 0, '- ')
) as rows ("=name", n, x)
"""


def test_safe_csv_has_no_formulas_and_leaves_numbers(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert list(csv.reader(io.StringIO(written(connection, FORMULAS, SAFE_CSV), newline=""))) == [
        ["'=name", "n", "x"],
        ["'=1+1", "-20", "-20"],
        ["'+cmd", "1", "+1.5e3"],
        ["'-x", "-1", "-inf"],
        ["'@sum(a1)", "", ""],
        ["'\tx", "0", "1=1"],
        ["plain", "0", "'- "],
    ]
    assert "'" not in written(connection, FORMULAS, "csv")


def test_every_command_that_writes_csv_can_write_it_without_formulas(tmp_path: Path) -> None:
    """Titles, experiments, users and columns can all look like formulas."""
    overlay(tmp_path / "templates", "staging/events.sql", EVENTS_OF_TEXTS)
    write_log(tmp_path / "texts.json", ["=u1|=t1|0.2", "=u1|=t2|0.4", "=u2|=t1|0.8", "=u2|=t2|0"])
    (tmp_path / "history.json").write_text('{"=t1": 0.5, "=t2": 1.0}')
    (tmp_path / "pairs.csv").write_text("user,track\n=u1,=t1\n")
    build_in(tmp_path, tmp_path / "texts.json", templates=tmp_path / "templates")
    plays = [log_line(n, 1, 0.5, experiments={"=E": "=T" if n % 2 else "C"}) for n in range(8)]
    write_log(tmp_path / "numbers.json", plays)
    call_ubcf("build", "numbers.json", "-d", "numbers.duckdb", "-o", "numbers.txt", cwd=tmp_path)
    for command in (
        ["inspect", "user", "=u1"],
        ["inspect", "track", "=t1"],
        ["query", "top_tracks"],
        ["explain", "=u1", "=t1"],
        ["recommend", "--history", "history.json"],
        ["predict", "pairs.csv"],
        ["experiment", "-d", "numbers.duckdb"],
        ["sql", 'select "user" as "=x" from users'],
        ["diff", "ubcf.duckdb", "ubcf.duckdb"],
    ):
        for option, formulas in (("--safe-csv", False), ("", command[0] != "diff")):
            arguments = [*command, "--format", "csv", *([option] if option else [])]
            done = call_ubcf(*arguments, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            cells = [cell for row in csv.reader(io.StringIO(done.stdout)) for cell in row]
            assert any(cell.startswith("=") for cell in cells) == formulas, command
    query = 'select "user" from users'
    call_ubcf("sql", query, "--output", "rows.csv", "--safe-csv", cwd=tmp_path)
    assert (tmp_path / "rows.csv").read_text().splitlines() == ["user", "'=u1", "'=u2"]


class ByPython:
    """JSON lines by Python alone, value by value, as DuckDB casts each to text."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, query: str) -> None:
        relation = connection.sql(query)
        self.columns = [
            Column(name, str(kind))
            for name, kind in zip(relation.columns, relation.types, strict=True)
        ]
        values = (
            f"cast({'to_json' if column.nested else ''}(#{position}) as varchar)"
            for position, column in enumerate(self.columns, start=1)
        )
        self.rows = relation.project(", ".join(values)).fetchall()

    def lines(self) -> list[str]:
        return [
            "{"
            + ", ".join(
                f"{json.dumps(column.name, ensure_ascii=False)}: {column.as_json(text)}"
                for column, text in zip(self.columns, row, strict=True)
            )
            + "}"
            for row in self.rows
        ]


CONTROLS = "'a' || chr(n::int) || '\\u001F \\\"' || chr(n::int)"

EVERY_TYPE = [
    "from test_all_types()",
    *(f"select {sql} as value" for sql, _ in TYPES),
    f"select {CONTROLS} as value from range(1, 12000) as numbers (n)",
    "select chr(0) as zero, chr(13) || chr(10) || chr(11) as ends, '🏳️‍🌈' || chr(27) as flag",
    'select 1 as "a""b\'c", 2 as "ü\n"',
    "select unnest(['nan', '-nan', 'inf', '-inf', '1e300', '-0.0', '5e-324'])::double as x",
    "select unnest(['nan', 'inf', '1e30', '0.1'])::float as x",
    "select [1] as l, n, map {n: null} as m from range(3) as numbers (n)",
    "select n, to_json({'k': n}) as j, case when n > 0 then [] end as e from range(2) as r (n)",
    "select 1 as n where false",
]


@pytest.mark.parametrize("query", EVERY_TYPE)
def test_json_by_duckdb_is_json_by_python_for_every_type(
    connection: duckdb.DuckDBPyConnection, query: str
) -> None:
    lines = ByPython(connection, query).lines()
    assert written(connection, query, "jsonl") == "".join(f"{line}\n" for line in lines)
    assert written(connection, query, "json") == "[" + ",\n ".join(lines) + "]\n"
