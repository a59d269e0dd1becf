"""The options that the commands over a finished database share, and how they write rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import duckdb

Function = TypeVar("Function", bound=Callable[..., Any])

database_option = click.option(
    "-d",
    "--database",
    metavar="FILE",
    default="ubcf.duckdb",
    show_default=True,
    help="The database that a build left; it is only read.",
)

# As in ubcf.formats, which is not loaded for help.
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "jsonl", "markdown"]),
    default="table",
    show_default=True,
    help="Form of the rows on stdout.",
)


def print_rows(
    connection: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation, form: str
) -> None:
    """Writes the rows of a relation to stdout; Ctrl-C interrupts it."""
    from ubcf.execution import interruptibly
    from ubcf.formats import write_rows

    interruptibly(connection, lambda: write_rows(connection, relation, form, sys.stdout))


def print_parts(
    connection: duckdb.DuckDBPyConnection,
    parts: Mapping[str, duckdb.DuckDBPyRelation],
    form: str,
    *,
    one_row: Collection[str] = (),
) -> None:
    """Writes relations to stdout, each under its name; Ctrl-C interrupts it."""
    from ubcf.execution import interruptibly
    from ubcf.formats import write_parts

    interruptibly(
        connection,
        lambda: write_parts(connection, parts, form, sys.stdout, one_row=one_row),
    )
