"""A console for SQL, in the sandbox of `ubcf sql`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
from starlette.responses import Response

from ubcf.analysis.statements import FirstRows, first_rows, write_result
from ubcf.errors import QueryError
from ubcf.web.downloads import FORMS, download
from ubcf.web.limits import BusyError, TimeLimitError, ended_after, sandbox, within_size
from ubcf.web.page import Answer, Asked

# Rows that the page shows; a download has all.
ROWS_SHOWN = 1_000

# The time that statements may take, in seconds, and the most that may be asked for.
SECONDS, MOST_SECONDS = 10, 25

# A query to begin with.
EXAMPLE = """select
    tracks.track,
    tracks.artist,
    tracks.title,
    count(*) as lists
from recommendations
inner join tracks using (track)
where recommendations.rank <= 10
group by all
order by lists desc
limit 20"""


def console(asked: Asked) -> Answer | Response:
    """The rows of the statements in the address, with the tables beside them."""
    text = asked.text("q")
    seconds = asked.number("seconds", SECONDS, 1, MOST_SECONDS)
    if "download" in asked.form:
        return _file(asked, text, seconds, asked.choice("download", tuple(FORMS)))
    found, wrong, statements = FirstRows([], [], True), None, 0
    if text:
        try:
            with _statements(asked, seconds) as connection:
                found = first_rows(connection, text, ROWS_SHOWN)
                statements = len(connection.extract_statements(text))
        except (QueryError, TimeLimitError, BusyError) as error:
            wrong = str(error)
    data: dict[str, Any] = {
        "sql": text,
        "seconds": seconds,
        "columns": found.columns,
        "rows": found.rows,
        "are_all": found.are_all,
        "limit": ROWS_SHOWN,
    }
    if wrong is not None:
        data["error"] = wrong
    shown = {
        "wrong": wrong,
        "statements": statements,
        "tables": _tables(asked),
        "example": EXAMPLE,
        "most_seconds": MOST_SECONDS,
        "forms": FORMS,
    }
    return Answer("SQL", data, shown, 200 if wrong is None else 400)


@contextmanager
def _statements(asked: Asked, seconds: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for statements, which end after a time, or when nobody waits for them."""
    with (
        sandbox(asked.build.database) as connection,
        asked.using(connection),
        ended_after(seconds, connection),
    ):
        yield connection


def _tables(asked: Asked) -> list[dict[str, Any]]:
    """The tables, each with its comment and its columns."""
    rows = asked.rows("table_columns")
    return [
        {"name": name, "comment": comment, "columns": list(columns)}
        for (name, comment), columns in groupby(
            rows, key=lambda row: (row["table_name"], row["table_comment"])
        )
    ]


def _file(asked: Asked, text: str, seconds: float, form: str) -> Response:
    def write(path: Path, suffix: str) -> None:
        with _statements(asked, seconds) as connection, within_size(path.parent, connection):
            write_result(connection, text, path, suffix, safe_csv=True)

    return download("sql", form, write)
