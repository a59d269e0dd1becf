"""What changed since another build."""

from __future__ import annotations

from typing import Any

from ubcf.analysis.comparison import compare
from ubcf.analysis.titles import refuse_without_catalog
from ubcf.errors import DatabaseError
from ubcf.web.page import Answer, Asked, rows_of

# Users whose lists changed most that are shown.
USERS_SHOWN = 50

# Tracks that gained lists, and tracks that lost lists, that are shown.
TRACKS_SHOWN = 10


def compared(asked: Asked) -> Answer:
    """The differences between this build and the one that the pages compare with."""
    build = asked.build
    if build.against is None:
        return Answer("Compare", {"parts": None, "recommended_tracks": None})

    def make() -> dict[str, Any]:
        relations = compare(asked.connection, USERS_SHOWN, titles=_have_titles(asked))
        parts = {name: rows_of(relation) for name, relation in relations.items()}
        session = asked.session
        session.set(k=TRACKS_SHOWN)
        tracks = rows_of(session.relation("analysis/diff/recommended_tracks.sql"))
        return {"parts": parts, "recommended_tracks": tracks}

    made: dict[str, Any] = build.once("comparison", make)
    old = build.compared_with or {}
    data = {"old": {name: old.get(name) for name in ("started_at", "version")}, **made}
    return Answer("Compare", data)


def _have_titles(asked: Asked) -> bool:
    """Whether one of the builds has a catalog, and both have columns for titles."""
    session = asked.session
    if any(
        not {"artist", "title"} <= session.columns(f"{name}.tracks").keys()
        for name in ("old", "new")
    ):
        return False
    try:
        refuse_without_catalog(asked.connection, "old", "new")
    except DatabaseError:
        return False
    return True
