"""Why a user gets a track: the score as a sum of the contributions of neighbors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from ubcf.analysis.named_analyses import query, set_id
from ubcf.database.reading import on_own_cursor
from ubcf.database.session import Session
from ubcf.serving.unstored_weights import with_weights


@dataclass(frozen=True)
class ExplainedScore:
    """A score computed from its explanation, and the stored one.

    score: the sum of the contributions of `neighbors` users. stored_score, rank: of the table
    recommendations; None for a track that is not recommended.
    """

    score: float
    neighbors: int
    stored_score: float | None
    rank: int | None


@on_own_cursor
def explain(
    connection: duckdb.DuckDBPyConnection, user: Any, track: Any
) -> duckdb.DuckDBPyRelation:
    """The terms of score(u, t), one row per contributing neighbor v; t need not be recommended.

    Columns: neighbor, similarity w(u, v), common_tracks and common_titles (lists), centered_time
    h(v, t) in the scale of the build, and contribution, the product w(u, v) * h(v, t) of h as a
    fraction. The contributions sum to the score, to 1e-9; no row means a score of 0. The greatest
    contributions, in magnitude, come first. With a ridge, a last row without a neighbor sums up the
    contributions of all users but the 300 with the greatest weights.
    Raises NotFoundError, with the nearest ids, for a user or a track that is not in the database.
    """
    return query(connection, "explain", user=user, track=track)


def explained_score(
    connection: duckdb.DuckDBPyConnection,
    explanation: duckdb.DuckDBPyRelation,
    user: Any,
    track: Any,
) -> ExplainedScore:
    """The sum of an explanation, the result of `explain`, and the stored score of the track."""
    contributions = [row[0] for row in explanation.project("contribution").fetchall()]
    stored = query(connection, "recommendation", user=user, track=track).fetchall()
    rank, stored_score = stored[0][:2] if stored else (None, None)
    return ExplainedScore(sum(contributions, 0.0), len(contributions), stored_score, rank)


def why_nothing(connection: duckdb.DuckDBPyConnection, user: Any, track: Any) -> str:
    """Why a score has no contributions: how many neighbors there are, and who heard the track."""
    set_id(connection, "user", user)
    set_id(connection, "track", track)
    session = Session(connection)
    with with_weights(session):
        ((neighbors, heard, others, in_logs),) = session.run(
            "analysis/questions/neighbors_and_listeners.sql"
        )
    listeners = f"{others:,} other user{'' if others == 1 else 's'}"
    if not in_logs:
        return f"the logs have no event of this user ({listeners} heard it)"
    if neighbors == 0:
        return f"no other user counts as a neighbor of this one ({listeners} heard it)"
    if heard == 0:
        return f"none of its {neighbors:,} neighbors heard it ({listeners} did)"
    return (
        f"of its {neighbors:,} neighbors {heard:,} heard it, for exactly as long as is expected of "
        "them, which counts as 0"
    )
