"""Why a user gets a track: the score as the sum of what each neighbor contributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from ubcf.analysis.named_analyses import query


@dataclass(frozen=True)
class ExplainedScore:
    """The score of a track for a user, as its explanation gives it.

    stored_score and rank: those of the table recommendations, None when the track is not in it.
    """

    score: float
    neighbors: int
    stored_score: float | None
    rank: int | None


def explain(
    connection: duckdb.DuckDBPyConnection, user: Any, track: Any
) -> duckdb.DuckDBPyRelation:
    """The exact reason of a score: one row per contributing neighbor, recommended or not.

    Columns: neighbor, similarity w(u, v), common_tracks and common_titles (lists), centered_time
    h(v, t), and contribution, their product. The contributions sum to score(u, t), to 1e-9; no row
    means a score of 0. The greatest contributions, in magnitude, come first.
    Raises NotFoundError, with the nearest ids, for a user or a track that is not in the database.
    """
    return query(connection, "explain", user=user, track=track)


def explained_score(
    connection: duckdb.DuckDBPyConnection,
    explanation: duckdb.DuckDBPyRelation,
    user: Any,
    track: Any,
) -> ExplainedScore:
    """What the rows of an explanation sum to, beside what is stored."""
    contributions = [row[0] for row in explanation.project("contribution").fetchall()]
    stored = query(connection, "recommendation", user=user, track=track).fetchall()
    rank, stored_score = stored[0][:2] if stored else (None, None)
    return ExplainedScore(sum(contributions, 0.0), len(contributions), stored_score, rank)
