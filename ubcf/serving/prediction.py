"""Predicted times for pairs of a user and a track that somebody asks for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ubcf.database.frames import FRAMES, Frame, is_frame, texts_of
from ubcf.database.id_files import CSV, EMPTY, form_of, read_csv_ids, refuse_bad_line
from ubcf.database.paths import LiteralPaths, pattern
from ubcf.database.reading import on_own_cursor
from ubcf.database.session import Session
from ubcf.errors import InputError, TemplateError, one_line
from ubcf.scoring.planner import worth_compiling
from ubcf.scoring.predictions import predicted_deviations
from ubcf.serving.history import id_text, twos
from ubcf.serving.stored_model import load_model

PathLike = str | os.PathLike[str]


@on_own_cursor
def predict(
    connection: duckdb.DuckDBPyConnection,
    pairs: PathLike | Frame | Iterable[tuple[Any, Any]],
) -> duckdb.DuckDBPyRelation:
    """Predicts the time of a track for a user, for each pair, in order.

    pairs: tuples of a user and a track; a frame with the columns user and track; or the path of a
    CSV whose first line names these columns, or of JSON lines with these fields.
    Returns user, track, predicted_time (the fraction of the track, 0 to 1, or the rating in the
    scale of the build) and support (neighbors who heard the track); with own_tracks also
    own_support (similar tracks that the user heard). For an unknown user or track the prediction is
    the known part of the center: the mean time of the user (of all events, for an unknown user);
    with baseline centering the mean plus the known bias.
    Raises InputError when the pairs cannot be read or one lacks its user or track.
    """
    session = Session(connection)
    types = session.id_types()
    if isinstance(pairs, str | os.PathLike):
        name = os.fspath(pairs)
        _read_pairs(session, Path(pairs), types)
    else:
        name = "frame" if is_frame(pairs) else "pairs"
        rows = texts_of(pairs, tuple(types), name) if is_frame(pairs) else _texts(pairs)
        if not rows:
            raise InputError(f"{name}: empty, no pair in it")
        columns = np.array(rows, dtype=object).reshape(-1, 2)
        with session.registered(
            "given_pairs", {f"{kind}_text": columns[:, i] for i, kind in enumerate(types)}
        ):
            session.run("serving/pairs.sql", form="csv")
    for position, lacks_user in session.run("serving/questions/unfinished_pairs.sql"):
        missing = "user" if lacks_user else "track"
        raise InputError(f"{name}, pair {position}: {missing} is missing")
    model = load_model(session)
    session.run("serving/indexed_pairs.sql")
    known = session.run_arrays("serving/questions/known_pairs.sql")
    users = np.asarray(known["user_index"])
    ((threads,),) = session.execute("select current_setting('threads')")
    found = predicted_deviations(
        model.matrices,
        model.options.neighborhood,
        users,
        np.asarray(known["track_index"]),
        damping=model.options.damping,
        own_tracks=model.options.own_tracks,
        threads=threads,
        compiled=worth_compiling(model.matrices.pattern.nnz, len(np.unique(users))),
    )
    user_type, track_type = types["user"], types["track"]
    ((users_fit, tracks_fit),) = session.run(
        "serving/questions/texts_fit.sql", user_type=user_type, track_type=track_type
    )
    deviations = {"position": known["position"], **found.columns}
    with session.registered("deviations", deviations):
        return session.relation(
            "serving/questions/predicted_pairs.sql",
            user_type=user_type if users_fit else None,
            track_type=track_type if tracks_fit else None,
            own_tracks=model.options.own_tracks,
        )


def count_unknown(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    """Of the pairs predicted last: those with a user or track not in the logs, and all of them."""
    ((unknown, pairs),) = Session(connection).run("serving/questions/unknown_pairs.sql")
    return unknown, pairs


def _texts(pairs: Any) -> list[tuple[str | None, ...]]:
    """Pairs of ids as texts. Raises InputError for what is no pair."""
    if isinstance(pairs, Mapping) or not isinstance(pairs, Iterable):
        raise InputError(
            f"pairs: {type(pairs).__name__} is neither a path, nor a list of tuples of a user and "
            f"a track, nor a frame; a frame is {FRAMES}"
        )
    texts = []
    for position, pair in enumerate(twos(pairs, "pairs, pair", "a user and a track"), start=1):
        ids = tuple(None if value is None else id_text(value) for value in pair)
        if any("\ud800" <= character <= "\udfff" for text in ids for character in text or ""):
            raise InputError(f"pairs, pair {position}: half of a character, which no text has")
        texts.append(ids)
    return texts


def _read_pairs(session: Session, path: Path, types: dict[str, str]) -> None:
    """Makes the table pairs. Raises InputError, with the line, for what is no pair."""
    form = form_of(path)
    if form == EMPTY:
        raise InputError(f"{path}: empty, no pair in it")
    if form == CSV:
        with session.registered("given_pairs", read_csv_ids(path, types)):
            session.run("serving/pairs.sql", form="csv")
        return
    try:
        with LiteralPaths() as paths:
            session.set(path=pattern(paths.path(path)))
            session.run("serving/pairs.sql", form="json")
    except TemplateError as error:
        refuse_bad_line(path, "pair of user and track")
        message = one_line(error.__cause__ or error)
        raise InputError(f"{path}: no pairs of user and track: {message}") from error
