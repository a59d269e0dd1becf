"""Predicted times for pairs of a user and a track that somebody asks for."""

from __future__ import annotations

import csv
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ubcf.building.scores import neighborhood_of
from ubcf.database.session import held_rows
from ubcf.database.templates import Templates
from ubcf.errors import InputError, TemplateError, one_line
from ubcf.scoring.planner import worth_compiling
from ubcf.scoring.predictions import predict_deviations
from ubcf.serving.stored_model import arrays, id_types, load_model, run, set_variables

HEAD_BYTES = 4096

# Of a CSV: the one that its first line has most of.
DELIMITERS = ",;\t|"

COLUMNS = ("user", "track")


def predict(connection: duckdb.DuckDBPyConnection, pairs: str | Path) -> duckdb.DuckDBPyRelation:
    """Predicts how much of a track a user would listen to, for each pair of a file, in its order.

    pairs: a CSV whose first line names the columns user and track, or JSON lines with these fields.
    Columns: user, track, predicted_time (0 to 1), support (neighbors who heard the track). A track
    or a user that the logs do not know gets what is left of the center of the pair: the mean of the
    user; with baseline centering the mean of all plus the bias that is known; for an unknown user
    the mean of all.
    Raises InputError when the file cannot be read or a pair lacks its user or track.
    """
    path = Path(pairs)
    types = id_types(connection)
    if _form_of(path) == "csv":
        connection.register("given_pairs", _csv_columns(path, types))
        run(connection, "serving/pairs.sql", form="csv")
        connection.unregister("given_pairs")
    else:
        set_variables(connection, path=str(pairs))
        try:
            run(connection, "serving/pairs.sql", form="json")
        except TemplateError as error:
            words = one_line(error.__cause__ or error)
            raise InputError(f"{pairs}: no pairs of user and track: {words}") from error
    for position, lacks_user in run(connection, "serving/unfinished_pairs.sql"):
        raise InputError(
            f"{pairs}, pair {position}: {'user' if lacks_user else 'track'} is missing"
        )
    model = load_model(connection)
    run(connection, "serving/indexed_pairs.sql", centering=model.options.centering)
    known = arrays(connection, "serving/known_pairs.sql")
    users = np.asarray(known["user_index"])
    ((threads,),) = connection.execute("select current_setting('threads')").fetchall()
    found = predict_deviations(
        model.matrices,
        model.centered,
        neighborhood_of(model.options),
        users,
        np.asarray(known["track_index"]),
        damping=model.options.damping,
        threads=threads,
        compiled=worth_compiling(len(model.user_index), len(np.unique(users))),
    )
    deviations = {
        "position": known["position"],
        "deviation": found.deviation,
        "support": found.support,
    }
    connection.register("deviations", deviations)
    user_type, track_type = types["user"], types["track"]
    ((users_fit, tracks_fit),) = run(
        connection, "serving/texts_fit.sql", user_type=user_type, track_type=track_type
    )
    templates = Templates()
    query = templates.render(
        "serving/predicted_pairs.sql",
        user_type=user_type if users_fit else None,
        track_type=track_type if tracks_fit else None,
    )
    rows = held_rows(connection, query, templates.path("serving/predicted_pairs.sql"))
    connection.unregister("deviations")
    return rows


def count_unknown(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Of the pairs predicted last: those with a user or track not in the logs, and all of them."""
    ((unknown, pairs),) = run(connection, "serving/unknown_pairs.sql")
    return unknown, pairs


def _csv_columns(path: Path, types: dict[str, str]) -> dict[str, NDArray[Any]]:
    """The users and tracks of a CSV as texts, None where there is none; other columns are left out.

    types: of the ids. White space around them is left out, but for ids that are texts themselves.
    Read by Python: DuckDB (2.0) leaves out, in silence, what follows a quote that is never closed.
    Raises InputError, with the line, for what is no CSV or lacks the columns.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            first = next((line for line in file if line.strip()), "")
            file.seek(0)
            reader = csv.reader(file, delimiter=max(DELIMITERS, key=first.count), strict=True)
            pairs = list(_pairs_of(reader, [types[name] == "VARCHAR" for name in COLUMNS]))
        except (csv.Error, InputError) as error:
            raise InputError(f"{path}, line {reader.line_num}: {error}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8") from error
    texts = np.array(pairs, dtype=object).reshape(-1, len(COLUMNS))
    return {f"{name}_text": texts[:, place] for place, name in enumerate(COLUMNS)}


def _pairs_of(
    reader: Iterator[list[str]], as_they_are: list[bool]
) -> Iterator[tuple[str | None, ...]]:
    """The user and the track of each row. Raises InputError for a row that is no pair.

    as_they_are: whether white space around users, and tracks, is part of them.
    """
    first: list[str] = next((row for row in reader if any(value.strip() for value in row)), [])
    names = [name.strip().lower() for name in first]
    if any(names.count(name) != 1 for name in COLUMNS):
        found = ", ".join(names) or "nothing"
        raise InputError(f"the columns user and track have to be named; there is {found}")
    places = [names.index(name) for name in COLUMNS]
    for row in reader:
        if not any(value.strip() for value in row) and len(row) < len(names):
            continue  # a blank line
        if len(row) != len(names):
            raise InputError(f"{len(row)} values, but the first line names {len(names)} columns")
        texts = [row[place] for place in places]
        yield tuple(
            (text if is_whole else text.strip()) or None
            for text, is_whole in zip(texts, as_they_are, strict=True)
        )


def _form_of(path: Path) -> str:
    """Whether a file holds JSON lines or CSV, by its first character."""
    try:
        # A pipe ends with the first reading, and the pairs are read after their head.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: cannot be read: it is not a file on disk")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise InputError(f"{path}: empty, no pair in it")
    return "json" if head.startswith(b"{") else "csv"
