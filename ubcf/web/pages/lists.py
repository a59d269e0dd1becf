"""Lists of users and of tracks: a search, an order of choice, and pages of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ubcf.web.addresses import encode_id
from ubcf.web.page import Asked

ROWS_OF_A_PAGE = 50

DIRECTIONS = ("asc", "desc")


def listed(asked: Asked, analysis: str, sorts: Mapping[str, str]) -> dict[str, Any]:
    """A page of rows of an analysis that takes text, sort, direction, k and skip.

    sorts: the columns to sort by, the default first, and the usual direction of each. The fields of
    the form are q, sort, direction and page.
    """
    text = asked.text("q")
    sort = asked.choice("sort", tuple(sorts))
    direction = (
        asked.choice("direction", DIRECTIONS) if asked.form.get("direction") else sorts[sort]
    )
    page = asked.number("page", 1)
    rows = asked.rows(
        analysis,
        text=text or None,
        sort=sort,
        direction=direction,
        k=ROWS_OF_A_PAGE,
        skip=(page - 1) * ROWS_OF_A_PAGE,
    )
    found = rows[0]["found"] if rows else 0
    return {
        "text": text,
        "sort": sort,
        "direction": direction,
        "page": page,
        "pages": -(-found // ROWS_OF_A_PAGE),
        "found": found,
        "rows": [{name: value for name, value in row.items() if name != "found"} for row in rows],
    }


def only_found(data: Mapping[str, Any], column: str) -> str | None:
    """The address of the only row of a search, if its id is the text that was searched."""
    ids = [row[column] for row in data["rows"]] if data["found"] == 1 else []
    return f"/{column}s/{encode_id(ids[0])}" if [data["text"]] == list(map(str, ids)) else None
