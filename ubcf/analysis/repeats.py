"""Log lines that repeat another, more of them than chance explains: as of a second copy of logs."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from ubcf.database.session import Session


def repeats_warning(duplicates: int, lines: int, copies: Sequence[tuple[str, str]]) -> str:
    """A sentence about the lines that repeat another, of all lines.

    copies: files all of whose lines are in another file, which is named beside each.
    """
    text = f"{duplicates:,} of {lines:,} lines repeat another, more than chance explains"
    if not copies:
        return text
    copy, original = copies[0]
    others = f", and so with {len(copies) - 1:,} other files" if copies[1:] else ""
    return f"{text} (all lines of {copy} are in {original}{others})"


def suspicious_repeats(connection: duckdb.DuckDBPyConnection) -> str | None:
    """The sentence about a build whose repeated lines chance does not explain; else None."""
    rows = Session(connection).run("analysis/questions/suspicious_repeats.sql")
    if not rows:
        return None
    duplicates, lines = rows[0][:2]
    copies = [(copy, original) for *_, copy, original in rows if copy is not None]
    return repeats_warning(duplicates, lines, copies)
