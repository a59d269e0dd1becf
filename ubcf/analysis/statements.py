"""Statements of the user's own over a database, and their rows in a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ubcf.database.formats import ROWS_FETCHED, Writable, write_rows
from ubcf.errors import OptionError, QueryError
from ubcf.files import check_folder, complete_or_absent

# What a file is written as, by its suffix; Parquet is DuckDB's own to write.
PARQUET = ".parquet"

TEXT_FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl"}


def print_result(
    connection: duckdb.DuckDBPyConnection, text: str, form: str, out: Writable
) -> None:
    """Runs statements in turn and writes the rows of the last one, if it has any.

    form: one of `ubcf.database.formats.FORMATS`. Raises QueryError with DuckDB's message, which
    gives the position in the statement.
    """
    last = _run_all_but_the_last(connection, text)
    with _positions_told(connection, last):
        if _has_rows(last):
            write_rows(connection, connection.sql(last), form, out)
        else:
            connection.execute(last)


def write_result(connection: duckdb.DuckDBPyConnection, text: str, path: Path) -> None:
    """Runs statements in turn and writes the rows of the last one to a file.

    The suffix tells how; the file appears complete or not at all. Raises QueryError as
    `print_result` does, and when the last statement has no rows; OSError when the file cannot be
    written.
    """
    last = _run_all_but_the_last(connection, text)
    if not _has_rows(last):
        raise QueryError("the last statement has no rows to write")
    with complete_or_absent(path) as unfinished, _positions_told(connection, last):
        relation = connection.sql(last)
        if path.suffix == PARQUET:
            _write_parquet(relation, unfinished)
        else:
            with unfinished.open("w", encoding="utf-8", newline="") as out:
                write_rows(connection, relation, TEXT_FORMATS[path.suffix], out)


def check_target(path: Path) -> None:
    """Raises OptionError when a file cannot be made, or its suffix does not tell what to write."""
    check_folder(path)
    if path.suffix not in {PARQUET, *TEXT_FORMATS}:
        suffixes = ", ".join([*TEXT_FORMATS, PARQUET])
        raise OptionError(f"{path}: the suffix tells what to write; it can be {suffixes}")


class _ArrowStream:
    """The rows of a relation for another connection, which takes no relation as it is."""

    def __init__(self, relation: duckdb.DuckDBPyRelation) -> None:
        self._relation = relation

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._relation.__arrow_c_stream__(requested_schema)


def _write_parquet(relation: duckdb.DuckDBPyRelation, path: Path) -> None:
    """Writes rows of a connection that may not write; whole numbers over 64 bits as decimals."""
    with duckdb.connect() as writer:
        writer.from_arrow(_ArrowStream(relation)).write_parquet(str(path))


def _run_all_but_the_last(connection: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    """Runs all statements but the last one, and returns that."""
    try:
        statements = connection.extract_statements(text)
        for statement in statements[:-1]:
            connection.execute(statement).fetchall()
    except duckdb.Error as error:
        raise QueryError(str(error).strip()) from error
    if not statements:
        raise QueryError("there is no statement to run")
    return statements[-1]


def _has_rows(statement: duckdb.Statement) -> bool:
    return duckdb.ExpectedResultType.QUERY_RESULT in statement.expected_result_type


@contextmanager
def _positions_told(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement
) -> Iterator[None]:
    """Makes DuckDB's errors inside QueryErrors that tell the position.

    Messages about relations have none, or a wrong one; those about the bare statement have it.
    """
    try:
        yield
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        message = str(error)
        try:
            connection.execute(statement)
            while connection.fetchmany(ROWS_FETCHED):
                pass
        except duckdb.Error as error_of_statement:
            message = str(error_of_statement)
        raise QueryError(message.strip()) from error
