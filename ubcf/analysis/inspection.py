"""One user, or one track, at a glance."""

from __future__ import annotations

from typing import Any

import duckdb

from ubcf.analysis.named_analyses import query
from ubcf.database.parts import Parts
from ubcf.database.reading import on_own_cursor

# Rows of each part by default: the number of recommendations that the service shows.
ROWS = 30

# The parts that have exactly one row.
ONE_ROW = ("user", "track")


@on_own_cursor
def inspect_user(connection: duckdb.DuckDBPyConnection, user: Any, k: int = ROWS) -> Parts:
    """A user as relations: user (one row), events, recommendations, interactions, neighbors.

    k: rows of each relation at most: the latest events, the best recommendations, the interactions
    with the greatest magnitude, the most similar users.
    Raises NotFoundError, with the nearest ids, for an unknown user.
    """
    parts = {
        "user": query(connection, "user_profile", user=user),
        "events": query(connection, "user_history", user=user, k=k),
        "recommendations": query(connection, "user_recommendations", user=user, k=k),
        "interactions": query(connection, "user_interactions", user=user, k=k),
        "neighbors": query(connection, "similar_users", user=user, k=k),
    }
    return Parts(connection, parts, ONE_ROW)


@on_own_cursor
def inspect_track(connection: duckdb.DuckDBPyConnection, track: Any, k: int = ROWS) -> Parts:
    """A track as relations: track (one row), listeners, times, ranks.

    listeners: at most k, the greatest centered time first; times: a histogram of its listening
    times; ranks: to how many users it is recommended, by tens of ranks.
    Raises NotFoundError, with the nearest ids, for a track that is neither in the logs nor in the
    catalog.
    """
    parts = {
        "track": query(connection, "track_profile", track=track),
        "listeners": query(connection, "track_audience", track=track, k=k),
        "times": query(connection, "track_times", track=track),
        "ranks": query(connection, "track_ranks", track=track),
    }
    return Parts(connection, parts, ONE_ROW)


def random_user(connection: duckdb.DuckDBPyConnection, seed: Any) -> Any:
    """The id of a random user; the same seed gives the same user."""
    return query(connection, "random_users", seed=seed).fetchall()[0][0]
