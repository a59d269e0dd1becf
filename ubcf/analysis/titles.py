"""What the catalog says of tracks, beside any rows that have tracks."""

from __future__ import annotations

from typing import Any

import duckdb

from ubcf.analysis.named_analyses import query
from ubcf.database.session import Session, identifier
from ubcf.database.tables import BUILD_TABLES
from ubcf.errors import DatabaseError, OptionError

TRACK = "track"

# The columns of the table tracks that are always of the catalog; others of its own may follow.
OF_THE_CATALOG = ("artist", "title", "genre", "pop")


def with_titles(
    connection: duckdb.DuckDBPyConnection, relation: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """The rows of a relation, in their order, with the columns of the catalog for their tracks.

    The columns that the rows do not have themselves follow theirs: artist, title, genre, pop and
    what else the catalog has. They are null for a track that the catalog lacks. Lists of tracks
    stay as they are.
    Raises OptionError if no column is named track, DatabaseError if there is no catalog.
    """
    if not has_tracks(relation):
        columns = ", ".join(relation.columns)
        raise OptionError(f"--titles: the rows have no column track, but {columns}")
    names = [name.lower() for name in relation.columns]
    refuse_without_catalog(connection)
    session = Session(connection)
    catalog = [
        column
        for column in session.columns("tracks")
        if (column in OF_THE_CATALOG or column not in BUILD_TABLES["tracks"])
        and column.lower() not in names
    ]
    if not catalog:
        return relation
    joined = session.templates.render(
        "analysis/questions/with_titles.sql",
        rows=list(map(identifier, relation.columns)),
        track=names.index(TRACK) + 1,
        catalog=list(map(identifier, catalog)),
    )
    # An error of DuckDB is one of the statement that gives the rows.
    with session.registered_rows(relation):
        return session.held(joined)


def has_tracks(relation: duckdb.DuckDBPyRelation) -> bool:
    """Whether rows have a column of tracks."""
    return TRACK in [name.lower() for name in relation.columns]


def title_of(connection: duckdb.DuckDBPyConnection, track: Any) -> str:
    """The artist and the title of a track, as far as the catalog has them.

    Raises NotFoundError for an unknown track, DatabaseError if there is no catalog.
    """
    refuse_without_catalog(connection)
    ((artist, title),) = (
        query(connection, "track_summary", track=track).project("artist, title").fetchall()
    )
    return " - ".join(filter(None, (artist, title))) or "not in the catalog"


def refuse_without_catalog(connection: duckdb.DuckDBPyConnection, *databases: str) -> None:
    """Raises DatabaseError if the database, or each of those attached by names, has no catalog."""
    session = Session(connection)
    for tracks in [f"{name}.tracks" for name in databases] or ["tracks"]:
        if session.columns(tracks):
            ((has_catalog,),) = session.run("analysis/questions/has_catalog.sql", tracks=tracks)
            if has_catalog:
                return
    raise DatabaseError("--titles: no catalog is in the database; 'ubcf build --catalog' adds one")
