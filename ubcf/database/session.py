"""Running statements in DuckDB: Ctrl-C stops them, and an error names the file they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb

from ubcf.errors import TemplateError, one_line

Result = TypeVar("Result")


def interruptibly(connection: duckdb.DuckDBPyConnection, work: Callable[[], Result]) -> Result:
    """What `work`, which uses the connection, returns; Ctrl-C interrupts it."""
    with ThreadPoolExecutor(1) as worker:
        return awaited(connection, worker.submit(work))


def awaited(connection: duckdb.DuckDBPyConnection, running: Future[Result]) -> Result:
    """What work in another thread, which uses the connection, returns; Ctrl-C interrupts it.

    Python cannot take Ctrl-C while DuckDB 2.0 is at work, but it can while it waits.
    """
    try:
        return running.result()
    except KeyboardInterrupt:
        connection.interrupt()
        wait([running])
        raise


@contextmanager
def refusals_told(file: Path) -> Iterator[None]:
    """Makes an error of DuckDB inside a TemplateError that names the file of the statement."""
    try:
        yield
    except duckdb.Error as error:
        raise TemplateError(f"{file}: {one_line(error)}") from error


def held_rows(
    connection: duckdb.DuckDBPyConnection, query: str, file: Path
) -> duckdb.DuckDBPyRelation:
    """The rows of a query from a file, in a relation that holds them.

    Executed at once: a query that waits would read the variables and tables of its time.
    Raises TemplateError when DuckDB refuses it.
    """
    with refusals_told(file):
        connection.execute(f"prepare analysis as {query}")
        try:
            return connection.sql("execute analysis")
        finally:
            connection.execute("deallocate analysis")
