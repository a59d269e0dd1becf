"""What changed between the databases of two builds, such as yesterday's and today's."""

from __future__ import annotations

import duckdb

from ubcf.database.session import Session

FOLDER = "analysis/diff"

# Users shown by default: with the other parts, they fill a screen.
ROWS = 10

# The temporary table that the last two parts are made of.
PREPARATION = "list_changes"

# The parts of a comparison, each a query, in the order of a build: inputs, counts, lists.
PARTS = (
    "inputs",
    "options",
    "counts",
    "measures",
    "gained_and_lost",
    "lists",
    "changed_users",
)

# The parts that have exactly one row.
ONE_ROW = ("lists",)


def compare(
    connection: duckdb.DuckDBPyConnection, k: int = ROWS
) -> dict[str, duckdb.DuckDBPyRelation]:
    """The differences between the databases attached as old and new: a relation for each of PARTS.

    connection: of `ubcf.database.reading.connect_pair`. k: users in the part changed_users, those
    whose lists changed most. The temporary table list_changes, one row per user of both databases,
    stays in the connection.
    Raises TemplateError when DuckDB refuses a query.
    """
    session = Session(connection)
    session.run(f"{FOLDER}/{PREPARATION}.sql")
    session.set(k=k)
    return {name: session.relation(f"{FOLDER}/{name}.sql") for name in PARTS}
