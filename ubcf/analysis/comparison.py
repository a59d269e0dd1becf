"""What changed between two databases, such as last night's and the one before."""

from __future__ import annotations

import duckdb

from ubcf.database.session import Session

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

    connection: of `ubcf.database.reading.connect_pair`; a temporary table, list_changes, is left in
    it, with a row for each user of both. k: users shown whose lists changed, most changed first.
    Raises TemplateError when DuckDB refuses a query.
    """
    session = Session(connection)
    session.run(f"{FOLDER}/{PREPARATION}.sql")
    session.set(k=k)
    return {name: session.relation(f"{FOLDER}/{name}.sql") for name in PARTS}
