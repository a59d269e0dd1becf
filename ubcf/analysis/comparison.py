"""What changed between the databases of two builds, such as yesterday's and today's."""

from __future__ import annotations

import os

import duckdb

from ubcf.analysis.titles import refuse_without_catalog
from ubcf.database.parts import Parts
from ubcf.database.reading import connect_pair
from ubcf.database.session import Session
from ubcf.errors import OptionError

PathLike = str | os.PathLike[str]

FOLDER = "analysis/diff"

# The part that compares a column of the table build which databases of version 0.1 lack.
SOURCES, SHARE = "sources", "share_from_neighbors"

# The part that lists tracks, and the query that adds their titles to its rows.
GAINED_AND_LOST = "gained_and_lost"
WITH_TITLES = "analysis/questions/gained_and_lost_with_titles.sql"

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
    SOURCES,
    GAINED_AND_LOST,
    "lists",
    "changed_users",
)

# The parts that have exactly one row.
ONE_ROW = ("lists",)


def diff(old: PathLike, new: PathLike, k: int = ROWS) -> Parts:
    """What changed between the databases of two builds: a relation by the name of each part.

    k: users in the part changed_users, those whose lists changed most. Raises DatabaseError for a
    file that is not a database of a build.
    """
    if k < 0:
        raise OptionError(f"k is {k}; it must be at least 0")
    connection = connect_pair(old, new)
    try:
        return Parts(connection, compare(connection, k), ONE_ROW)
    except BaseException:
        connection.close()
        raise


def compare(
    connection: duckdb.DuckDBPyConnection, k: int = ROWS, *, titles: bool = False
) -> dict[str, duckdb.DuckDBPyRelation]:
    """The differences between the databases attached as old and new: a relation for each of PARTS.

    The part sources is left out where one of the databases does not have it.

    connection: of `ubcf.database.reading.connect_pair`. k: users in the part changed_users, those
    whose lists changed most. titles: gained and lost tracks have
    their artists and titles. The temporary table list_changes, one row per user of both databases,
    stays in the connection.
    Raises TemplateError when DuckDB refuses a query, DatabaseError if titles are asked for and
    neither database has a catalog.
    """
    if titles:
        refuse_without_catalog(connection, "old", "new")
    session = Session(connection)
    parts = [name for name in PARTS if name != SOURCES or not without_sources(connection)]
    session.run(f"{FOLDER}/{PREPARATION}.sql")
    session.set(k=k)
    compared = {name: session.relation(f"{FOLDER}/{name}.sql") for name in parts}
    if titles:
        with session.registered_rows(compared[GAINED_AND_LOST]):
            compared[GAINED_AND_LOST] = session.relation(WITH_TITLES)
    return compared


def without_sources(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Those of the databases attached as old and new that have no sources of recommendations."""
    found = connection.execute(
        "select database_name from duckdb_columns()"
        f" where table_name = 'build' and column_name = '{SHARE}'"
    ).fetchall()
    return [name for name in ("old", "new") if (name,) not in found]
