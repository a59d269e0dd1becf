"""What changed since another build."""

from __future__ import annotations

from typing import Any

from ubcf.analysis.comparison import compare
from ubcf.database.session import Session
from ubcf.web.page import Answer, Asked, rows_of

# Users whose lists changed most that are shown.
USERS_SHOWN = 50

# Parts with a row a value that may have changed, and how a page names them.
PARTS = {
    "lists": "Lists of recommendations",
    "counts": "Users, tracks and events",
    "measures": "Measures",
    "sources": "Sources of recommendations",
    "gained_and_lost": "Gained and lost",
    "changed_users": "Users whose lists changed most",
    "inputs": "Inputs that differ",
    "options": "Options that differ",
}


def compared(asked: Asked) -> Answer:
    """The differences between this build and the one that the pages compare with."""
    build = asked.build
    if build.against is None:
        return Answer("Compare", {"parts": None})

    def make() -> dict[str, Any]:
        relations = compare(asked.connection, USERS_SHOWN, titles=_have_titles(asked))
        return {name: rows_of(relation) for name, relation in relations.items()}

    parts: dict[str, Any] = build.once("comparison", make)
    old = build.compared_with or {}
    data = {"old": {name: old.get(name) for name in ("started_at", "version")}, "parts": parts}
    return Answer("Compare", data, {"names": PARTS})


def _have_titles(asked: Asked) -> bool:
    session = Session(asked.connection)
    return all(
        {"artist", "title"} <= session.columns(f"{name}.tracks").keys() for name in ("old", "new")
    )
