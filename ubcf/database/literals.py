"""Python values as SQL literals."""

from __future__ import annotations

from datetime import datetime


def literal(value: object) -> str:
    """A value as an SQL literal, quoted so that no text can be anything but text.

    Bound parameters would do, but the first one makes DuckDB's Python client import pandas where
    it is installed: a third of a second. Takes None, bool, int, float, str, datetime and lists.
    """
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, datetime):
        return f"timestamp {literal(value.isoformat(sep=' '))}"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"no SQL literal for {type(value).__name__}")
