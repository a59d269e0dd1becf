"""A session: a DuckDB connection, and the templates of sql/ that run in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from ubcf.database.engines import quoted
from ubcf.database.templates import Templates, shipped_templates
from ubcf.errors import DatabaseError, QueryError, TemplateError, one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

Result = TypeVar("Result")

# As many texts as this are parsed as JSON: DuckDB takes kilobytes to parse each of many literals.
MANY_VALUES = 100

# Variables that hold an id: the table that has the id in a column of the same name.
TABLES_OF_IDS = {"user": "users", "track": "tracks"}


def interruptibly(connection: duckdb.DuckDBPyConnection, work: Callable[[], Result]) -> Result:
    """Calls `work`, which uses the connection, and returns its result; Ctrl-C interrupts it."""
    with ThreadPoolExecutor(1) as worker:
        return awaited(connection, worker.submit(work))


def awaited(connection: duckdb.DuckDBPyConnection, running: Future[Result]) -> Result:
    """Waits for work in another thread, which uses the connection; Ctrl-C interrupts it.

    Python cannot handle Ctrl-C while DuckDB 2.0 runs a statement, but it can while it waits.
    """
    try:
        return running.result()
    except KeyboardInterrupt:
        connection.interrupt()
        wait([running])
        raise


@contextmanager
def naming_file(file: Path) -> Iterator[None]:
    """Turns an error of DuckDB into a TemplateError that names the file of the statement."""
    try:
        yield
    except duckdb.Error as error:
        raise TemplateError(f"{file}: {in_words(error)}") from error


# What DuckDB puts before the error of Python code that it called.
_TRACEBACK = re.compile(r"Traceback \(most recent call last\):\n(?:  .*\n)*\w+: ")


def message_of(error: BaseException) -> str:
    """The message of an error, without the traceback of Python code that DuckDB called."""
    return _TRACEBACK.sub("", str(error))


def in_words(error: BaseException) -> str:
    """The message of an error in one line."""
    return one_line(message_of(error))


def literal(value: object) -> str:
    """Returns None, a bool, int, float, str, datetime or list of them as an SQL literal, quoted.

    Bound parameters would do, but the first one makes DuckDB's Python client import pandas where
    it is installed, which takes a third of a second. Raises TypeError for any other value, and
    QueryError for a text that is not UTF-8, such as an argument of the command line.
    """
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, list) and len(value) >= MANY_VALUES and _are_texts(value):
        return f"from_json({literal(json.dumps(value, ensure_ascii=False))}, '[\"VARCHAR\"]')"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, datetime):
        return f"timestamp {literal(value.isoformat(sep=' '))}"
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise QueryError(f"{value!a}: not UTF-8")
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"no SQL literal for {type(value).__name__}")


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def identifier(name: str) -> str:
    """A name as an SQL identifier, quoted."""
    return quoted(name)


def _with_texts(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """A relation with texts in place of enums, of which DuckDB makes arrays by pandas alone."""
    enums = [
        column
        for column, type in zip(relation.columns, relation.types, strict=True)
        if str(type).startswith("ENUM")
    ]
    if not enums:
        return relation
    texts = ", ".join(
        f"cast({identifier(column)} as varchar) as {identifier(column)}" for column in enums
    )
    return relation.project(f"* replace ({texts})")


class Session:
    """A connection to a database, and the templates that run in it."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, templates: Templates | None = None
    ) -> None:
        """templates: those of sql/ by default."""
        self.connection = connection
        self.templates = templates or shipped_templates()

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs statements and returns the rows of the last one."""
        return self.connection.execute(statement).fetchall()

    def run(self, name: str, **structure: Any) -> list[tuple[Any, ...]]:
        """Runs the template `name` and returns the rows of its last statement.

        Raises TemplateError, with the file, when DuckDB refuses or fails.
        """
        statement = self.templates.render(name, **structure)
        with naming_file(self.templates.path(name)):
            return self.execute(statement)

    def rows(self, name: str, **structure: Any) -> list[dict[str, Any]]:
        """Runs a query template; returns its rows, each as a dictionary by column.

        Raises TemplateError as `run`.
        """
        statement = self.templates.render(name, **structure)
        with naming_file(self.templates.path(name)):
            self.connection.execute(statement)
            columns = [name for name, *_ in self.connection.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in self.connection.fetchall()]

    def run_arrays(self, name: str, **structure: Any) -> dict[str, NDArray[Any]]:
        """Runs a query template; returns its columns as arrays. Raises TemplateError as `run`."""
        with naming_file(self.templates.path(name)):
            return self.connection.execute(self.templates.render(name, **structure)).fetchnumpy()

    def relation(self, name: str, **structure: Any) -> duckdb.DuckDBPyRelation:
        """Runs a query template and returns a relation that holds its rows.

        The query runs at once: a lazy relation would read variables and tables as they are later.
        Raises TemplateError as `run`.
        """
        query = self.templates.render(name, **structure)
        with naming_file(self.templates.path(name)):
            return self.held(query)

    def held(self, query: str) -> duckdb.DuckDBPyRelation:
        """Runs a query and returns a relation that holds its rows. Raises what DuckDB raises."""
        self.connection.execute(f"prepare held as {query}")
        try:
            return _with_texts(self.connection.sql("execute held"))
        finally:
            self.connection.execute("deallocate held")

    def set(self, **values: Any) -> None:
        """Sets variables, which SQL reads by getvariable('name')."""
        self.execute(
            ";".join(f"set variable {name} = {literal(value)}" for name, value in values.items())
        )

    @contextmanager
    def registered(self, name: str, arrays: dict[str, NDArray[Any]]) -> Iterator[None]:
        """Makes arrays of equal length readable as a view, by column, for a while."""
        self.connection.register(name, arrays)
        try:
            yield
        finally:
            self.connection.unregister(name)

    @contextmanager
    def registered_rows(self, relation: duckdb.DuckDBPyRelation) -> Iterator[None]:
        """Makes the rows of a relation readable as the view given_rows, for a while."""
        self.connection.register("given_rows", relation)
        try:
            yield
        finally:
            self.connection.unregister("given_rows")

    def columns(self, table: str) -> dict[str, str]:
        """The columns of a table and their SQL types; none when there is no such table."""
        try:
            relation = self.connection.table(table)
        except duckdb.CatalogException:
            return {}
        return dict(zip(relation.columns, map(str, relation.types), strict=True))

    def count(self, table: str) -> int:
        """The number of rows of a table."""
        return len(self.connection.table(table))

    def dictionaries(self, table: str) -> list[dict[str, Any]]:
        """The rows of a (small) table, each as a dictionary by column."""
        relation = self.connection.table(table)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]

    def arrays(self, table: str) -> dict[str, NDArray[Any]]:
        """The columns of a table as arrays, without copies through Python objects.

        Raises DatabaseError when the table cannot be read.
        """
        try:
            return self.connection.table(table).fetchnumpy()
        except duckdb.Error as error:
            raise DatabaseError(in_words(error)) from error

    def id_types(self) -> dict[str, str]:
        """The SQL types of the ids of users and tracks."""
        return {kind: self.columns(table)[kind] for kind, table in TABLES_OF_IDS.items()}
