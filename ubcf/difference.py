"""What changed between two databases, such as last night's and the one before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from ubcf.errors import TemplateError, one_line
from ubcf.literals import literal
from ubcf.templates import Templates

FOLDER = "analysis/diff"

# Users shown: a screenful with the other parts.
ROWS = 10

# The table that the last two parts are made from, and the parts, in the order in which one asks:
# was the same put in, did as much come out, are they the same users and tracks, the same lists?
PREPARATION = "list_changes"
PARTS = (
    "inputs",
    "options",
    "counts",
    "measures",
    "gained_and_lost",
    "lists",
    "changed_users",
)

# The parts that have one row.
ONE_ROW = ("lists",)


def compare(
    connection: duckdb.DuckDBPyConnection, k: int = ROWS
) -> dict[str, duckdb.DuckDBPyRelation]:
    """What differs between the databases attached as old and new, by the names of PARTS.

    connection: of `ubcf.connection.connect_pair`; a temporary table, list_changes, is left in it,
    with a row for each user of both. k: users shown whose lists changed, the most changed first.
    Raises TemplateError when DuckDB refuses a query.
    """
    templates = Templates()
    with _refusals_told(templates, PREPARATION):
        connection.execute(_query(templates, PREPARATION))
    connection.execute(f"set variable k = {literal(k)}")
    return {name: _rows(connection, templates, name) for name in PARTS}


def _rows(
    connection: duckdb.DuckDBPyConnection, templates: Templates, name: str
) -> duckdb.DuckDBPyRelation:
    """The rows of a part, in a relation that holds them."""
    with _refusals_told(templates, name):
        # Executed at once: a query that waits would read the variables and tables of its time.
        connection.execute(f"prepare part as {_query(templates, name)}")
        try:
            return connection.sql("execute part")
        finally:
            connection.execute("deallocate part")


def _query(templates: Templates, name: str) -> str:
    return templates.render(f"{FOLDER}/{name}.sql")


@contextmanager
def _refusals_told(templates: Templates, name: str) -> Iterator[None]:
    """Makes an error of DuckDB one of ubcf that names the file."""
    try:
        yield
    except duckdb.Error as error:
        file = templates.path(f"{FOLDER}/{name}.sql")
        raise TemplateError(f"{file}: {one_line(error)}") from error
