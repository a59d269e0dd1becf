"""Everything about one user, or one track, at a glance."""

from __future__ import annotations

from typing import Any

import duckdb

from ubcf.analysis.named_analyses import query

# Rows of each part, as many as the service shows.
ROWS = 30

# The parts that have one row.
ONE_ROW = ("user", "track")


def inspect_user(
    connection: duckdb.DuckDBPyConnection, user: Any, k: int = ROWS
) -> dict[str, duckdb.DuckDBPyRelation]:
    """A user, by parts: user (one row), events, recommendations, interactions, neighbors.

    k: rows of each part at most: the latest events, the best recommendations, the interactions
    farthest from 0, the most similar users.
    Raises NotFoundError, with the nearest ids, when there is no such user.
    """
    return {
        "user": query(connection, "user_profile", user=user),
        "events": query(connection, "user_history", user=user, k=k),
        "recommendations": query(connection, "user_recommendations", user=user, k=k),
        "interactions": query(connection, "user_interactions", user=user, k=k),
        "neighbors": query(connection, "similar_users", user=user, k=k),
    }


def inspect_track(
    connection: duckdb.DuckDBPyConnection, track: Any, k: int = ROWS
) -> dict[str, duckdb.DuckDBPyRelation]:
    """A track, by parts: track (one row), listeners, times, ranks.

    listeners: at most k, those who liked it most first; times: its events by how long they lasted;
    ranks: to how many users it is recommended, by ten ranks.
    Raises NotFoundError, with the nearest ids, when neither the logs nor the catalog have it.
    """
    return {
        "track": query(connection, "track_profile", track=track),
        "listeners": query(connection, "track_audience", track=track, k=k),
        "times": query(connection, "track_times", track=track),
        "ranks": query(connection, "track_ranks", track=track),
    }


def random_user(connection: duckdb.DuckDBPyConnection, seed: Any) -> Any:
    """A user drawn by lot; the same seed draws the same one."""
    return query(connection, "random_users", seed=seed).fetchall()[0][0]
