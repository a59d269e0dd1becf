"""SQL statements given by the user: running them, and writing their rows."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from ubcf.analysis.titles import with_titles
from ubcf.database import SAFE_CSV
from ubcf.database.formats import ROWS_FETCHED, Writable, write_rows
from ubcf.database.grids import Hidden
from ubcf.database.session import message_of
from ubcf.errors import OptionError, QueryError
from ubcf.files import Kind, check_target, complete_or_absent, head

# The suffix of a file decides its format. Parquet is written by DuckDB.
PARQUET = ".parquet"
TEXT_FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl"}


def print_result(
    connection: duckdb.DuckDBPyConnection,
    text: str,
    form: str,
    out: Writable,
    *,
    titles: bool = False,
    width: int | None = None,
) -> Hidden:
    """Runs statements in order and writes the rows of the last one, if it returns any.

    form: one of `ubcf.database.FORMATS`, SAFE_CSV or WIDE. titles: adds the columns of the catalog.
    width: what a table must fit into. Returns what is not shown because of it. Raises QueryError
    with DuckDB's message, and the position in the statement; with titles, as `with_titles` does.
    """
    last = _run_all_but_the_last(connection, text)
    with _query_errors(connection, last):
        if _has_rows(last):
            relation = connection.sql(last)
            rows = with_titles(connection, relation) if titles else relation
            return write_rows(connection, rows, form, out, width)
        connection.execute(last)
    return Hidden()


def write_result(
    connection: duckdb.DuckDBPyConnection,
    text: str,
    target: Path,
    suffix: str,
    *,
    safe_csv: bool = False,
    titles: bool = False,
) -> None:
    """Runs statements in order and writes the rows of the last one to a file.

    target: of `output_target`; the file appears complete or not at all. suffix: decides the format.
    safe_csv: a CSV has no formulas of spreadsheets. titles: as in `print_result`. Raises
    QueryError as `print_result` does, and when the last statement returns no rows; OSError when the
    file cannot be written.
    """
    last = _run_all_but_the_last(connection, text)
    if not _has_rows(last):
        raise QueryError("the last statement has no rows to write")
    with complete_or_absent(target) as unfinished, _query_errors(connection, last):
        relation = connection.sql(last)
        if titles:
            relation = with_titles(connection, relation)
        write_relation(connection, relation, unfinished, suffix, safe_csv=safe_csv)


def write_relation(
    connection: duckdb.DuckDBPyConnection,
    relation: duckdb.DuckDBPyRelation,
    path: Path,
    suffix: str,
    *,
    safe_csv: bool = False,
) -> None:
    """Writes the rows of a relation to a file. suffix, safe_csv: as in `write_result`."""
    if suffix == PARQUET:
        _write_parquet(relation, path)
        return
    form = TEXT_FORMATS[suffix]
    with path.open("w", encoding="utf-8", newline="") as out:
        write_rows(connection, relation, SAFE_CSV if safe_csv and form == "csv" else form, out)


@dataclass(frozen=True)
class FirstRows:
    """The first rows of a result.

    columns: the name and the type of each. are_all: whether no row follows.
    """

    columns: list[tuple[str, str]]
    rows: list[tuple[Any, ...]]
    are_all: bool


def first_rows(connection: duckdb.DuckDBPyConnection, text: str, most: int) -> FirstRows:
    """Runs statements in order and returns the first rows of the last one, at most `most`.

    A statement that returns no rows has no columns either. Raises QueryError with DuckDB's message.
    """
    last = _run_all_but_the_last(connection, text)
    try:
        connection.execute(last)
        if not _has_rows(last):
            return FirstRows([], [], True)
        columns = [(name, str(kind)) for name, kind, *_ in connection.description or ()]
        rows = connection.fetchmany(most + 1)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise QueryError(_in_one_line(message_of(error))) from error
    return FirstRows(columns, rows[:most], len(rows) <= most)


def output_target(path: Path, inputs: Iterable[str | Path]) -> Path:
    """Returns where to write a file of rows. inputs: files that the command reads.

    Raises OptionError for an unknown suffix, and as `ubcf.files.check_target`.
    """
    if path.suffix not in _KINDS:
        suffixes = ", ".join(_KINDS)
        raise OptionError(f"{path}: the suffix decides the format; it must be one of {suffixes}")
    return check_target(path, _KINDS[path.suffix], inputs)


def _is_csv(path: Path) -> bool:
    """Whether the first lines of a file are rows of as many values as its first line."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head(path))
    except UnicodeDecodeError:
        return False
    whole_lines = text[: text.rfind("\n") + 1] or text
    if "\0" in text or text.lstrip()[:1] in ("{", "[", "<"):
        return False
    try:
        rows = list(csv.reader(io.StringIO(whole_lines, newline=""), strict=True))
    except csv.Error:
        return False
    # The last row may be cut within a value in quotes.
    return all(len(row) == len(rows[0]) for row in rows[:-1])


def _is_json_lines(path: Path) -> bool:
    """Whether the first line of a file is a JSON object, as far as the line was read."""
    line, line_feed, _ = head(path).partition(b"\n")
    if not line_feed:
        return line.startswith(b"{")
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


_KINDS = {
    ".csv": Kind("a CSV file", _is_csv, may_be_stream=True),
    ".json": Kind("a JSON array", lambda path: head(path).lstrip()[:1] == b"[", may_be_stream=True),
    ".jsonl": Kind("a file of JSON lines", _is_json_lines, may_be_stream=True),
    ".parquet": Kind(
        "a Parquet file", lambda path: head(path).startswith(b"PAR1"), may_be_stream=True
    ),
}


class _ArrowStream:
    """The rows of a relation, for another connection, which does not accept the relation itself."""

    def __init__(self, relation: duckdb.DuckDBPyRelation) -> None:
        self._relation = relation

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._relation.__arrow_c_stream__(requested_schema)


def _write_parquet(relation: duckdb.DuckDBPyRelation, path: Path) -> None:
    """Writes the rows by a connection that may write files, as that of the relation may not.

    128-bit integers become decimals.
    """
    with duckdb.connect() as writer:
        writer.from_arrow(_ArrowStream(relation)).write_parquet(str(path))


def _run_all_but_the_last(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    """Runs all statements but the last one, and returns that."""
    try:
        statements = connection.extract_statements(text)
        for statement in statements[:-1]:
            connection.execute(statement).fetchall()
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise QueryError(_in_one_line(message_of(error))) from error
    if not statements:
        raise QueryError("there is no statement to run")
    return statements[-1]


def _has_rows(statement: duckdb.Statement) -> bool:
    return duckdb.ExpectedResultType.QUERY_RESULT in statement.expected_result_type


@contextmanager
def _query_errors(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement
) -> Iterator[None]:
    """Turns DuckDB's errors into QueryErrors that show the position in the statement.

    An error about a relation has no position, or a wrong one; so the statement runs by itself.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        message = message_of(error)
        try:
            connection.execute(statement)
            while connection.fetchmany(ROWS_FETCHED):
                pass
        except duckdb.Error as error_of_statement:
            message = message_of(error_of_statement)
        raise QueryError(_in_one_line(message)) from error


def _in_one_line(message: str) -> str:
    """DuckDB's message, which shows the line below it with a mark, with the position in words."""
    place = re.search(r"\s*\nLINE (\d+): (.*)\n( *)\^", message)
    if place is None:
        return " ".join(message.split())
    head, (number, line, before) = " ".join(message[: place.start()].split()), place.groups()
    column = len(before) - len(f"LINE {number}: ")
    # DuckDB cuts long lines on both sides.
    where = f"line {number}" if line.startswith("...") else f"line {number}, column {column + 1}"
    return f"{head}, in {where}: {line.strip()}"
