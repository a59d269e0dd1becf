"""Users: the list, one user, and why a user gets a track."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from ubcf.analysis.explanation import why_nothing
from ubcf.analysis.named_analyses import NEAREST_SHOWN
from ubcf.analysis.titles import has_tracks, with_titles
from ubcf.errors import DatabaseError
from ubcf.serving.explained_prediction import (
    NEIGHBORS,
    OWN_TRACKS,
    ExplainedTime,
    explain_prediction,
)
from ubcf.web.page import Answer, Asked, Row, rows_of
from ubcf.web.pages.lists import listed, only_found

# Columns by which users are sorted, and the direction of each: the greatest first, but ids.
SORTS = {
    "events": "desc",
    "user": "asc",
    "tracks": "desc",
    "mean_time": "desc",
    "total_time": "desc",
    "positive_neighbors": "desc",
    "negative_neighbors": "desc",
    "positive_scores": "desc",
}

# Rows of the parts of a page about a user: the latest events, and the most similar users.
EVENTS_SHOWN = 200
SIMILAR_SHOWN = 20

# Terms of an explanation that are shown one by one; the others are one sum.
TERMS_SHOWN = 25

# The changes of a list since another build that a page counts.
CHANGES = ("new", "left", "up", "down")


def users(asked: Asked) -> Answer:
    """A page of the users, or of those whose ids have a text."""
    data = listed(asked, "list_users", SORTS)
    nearest = []
    if not data["rows"] and data["text"]:
        nearest = asked.rows("find_user", text=data["text"], k=NEAREST_SHOWN)
    shown = {"sorts": SORTS}
    return Answer("Users", {**data, "nearest": nearest}, shown, instead=only_found(data, "user"))


def user(asked: Asked) -> Answer:
    """What a user heard beside what the user gets, who is similar, and what changed."""
    name = asked.ids["user"]
    with asked.with_events(name):
        profile = asked.row("user_profile", user=name)
        history = asked.rows("user_history", user=name, k=EVENTS_SHOWN)
        treatments = asked.rows("user_treatments", user=name)
    with asked.near_similar_users(name, SIMILAR_SHOWN) as near:
        similar = near.rows("similar_users", user=name, k=SIMILAR_SHOWN)
    changes = _changes(asked)
    data: dict[str, Any] = {
        "profile": profile,
        "history": history,
        "recommendations": asked.rows("user_recommendations", user=name),
        "similar_users": similar,
        "treatments": treatments,
        "changes": changes,
    }
    counts = {change: sum(row["change"] == change for row in changes or []) for change in CHANGES}
    return Answer(f"User {profile['user']}", data, {"change_counts": counts})


def _changes(asked: Asked) -> list[Row] | None:
    """What is new in the list of the user who was asked for last, and what left it.

    None if the pages compare with no other build.
    """
    if asked.build.against is None:
        return None
    session = asked.session
    old_type = session.columns("old.recommendations")["user"]
    return session.rows("analysis/diff/user_changes.sql", old_type=old_type)


def explanation(asked: Asked) -> Answer:
    """Why a user gets a track, or does not: the terms of the score, and of the predicted time."""
    name, track_name = asked.ids["user"], asked.ids["track"]
    track = asked.row("track_summary", track=track_name)
    with asked.near_explanation(name, track_name, TERMS_SHOWN) as (near, neighbors):
        terms = near.rows("explain", user=name, track=track_name, k=TERMS_SHOWN)
    nothing = None
    if not terms:
        with asked.with_weights(name):
            nothing = why_nothing(asked.connection, name, track_name)
    stored = asked.rows("recommendation", user=name, track=track_name)
    explained = explain_prediction(
        asked.connection,
        name,
        track_name,
        asked.build.model(),
        indexes=asked.indexes_of(name, track_name),
    )
    predicted = _shown_terms(asked.connection, explained)
    data: dict[str, Any] = {
        "user": name,
        "track": track,
        "score": sum((term["contribution"] for term in terms), 0.0),
        "recommendation": stored[0] if stored else None,
        "neighbors": [
            {**term, "counts_by": _counts_by(term, name, asked.build.options)}
            for term in terms
            if term["neighbor"] is not None
        ],
        "neighbors_in_all": neighbors,
        "rest": next((term["contribution"] for term in terms if term["neighbor"] is None), None),
        "why_nothing": nothing,
        "predicted": predicted,
    }
    return Answer(f"Why user {name} gets {track['title'] or track['track']}", data)


def _counts_by(term: Row, user: str, options: Mapping[str, Any]) -> str:
    """By what somebody counts in a score: as another user, or what the user heard, which may count
    twice: because a walk came back to the user, and by an own liking.
    """
    if str(term["neighbor"]) != user:
        return "neighbor"
    return "own_liking" if term["similarity"] == options.get("own_liking") else "walk"


def _titled(
    connection: duckdb.DuckDBPyConnection, terms: duckdb.DuckDBPyRelation
) -> duckdb.DuckDBPyRelation:
    """Terms of own tracks with artists and titles, if there is a catalog; others as they are."""
    if not has_tracks(terms):
        return terms
    try:
        return with_titles(connection, terms)
    except DatabaseError:
        return terms.project("*, null as artist, null as title")


def _shown_terms(connection: duckdb.DuckDBPyConnection, explained: ExplainedTime) -> dict[str, Any]:
    """A predicted time with the greatest terms of each part, the sum of the others, and counts."""
    sums = {NEIGHBORS: explained.of_neighbors, OWN_TRACKS: explained.of_own_tracks}
    shown = {
        part: rows_of(_titled(connection, relation.limit(TERMS_SHOWN)))
        for part, relation in explained.parts.items()
    }
    terms = {part: len(relation) for part, relation in explained.parts.items()}
    rests = {
        part: sums[part] - sum(row["contribution"] for row in rows)
        if terms[part] > len(rows)
        else None
        for part, rows in shown.items()
    }
    figures = {name: value for name, value in vars(explained).items() if name != "parts"}
    return {**figures, **shown, "terms": terms, "rests": rests}
