"""Predicted times for pairs of a user and a track that somebody asks for."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np

from ubcf.errors import InputError, TemplateError, one_line
from ubcf.execution import held_rows
from ubcf.planning import worth_compiling
from ubcf.predictions import predict_deviations
from ubcf.score_stage import neighborhood_of
from ubcf.stored_model import arrays, id_types, load_model, run, set_variables
from ubcf.templates import Templates

HEAD_BYTES = 4096


def predict(connection: duckdb.DuckDBPyConnection, pairs: str | Path) -> duckdb.DuckDBPyRelation:
    """Predicts how much of a track a user would listen to, for each pair of a file, in its order.

    pairs: a CSV with the columns user and track, or JSON lines with these fields.
    Columns: user, track, predicted_time (0 to 1), support (neighbors who heard the track). A track
    or a user that the logs do not know gets what is left of the center of the pair: the mean of the
    user; with baseline centering the mean of all plus the bias that is known; for an unknown user
    the mean of all.
    Raises InputError when the file cannot be read or a pair lacks its user or track.
    """
    form = _form_of(Path(pairs))
    set_variables(connection, path=str(pairs))
    try:
        run(connection, "serving/pairs.sql", form=form)
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
    types = id_types(connection)
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


def _form_of(path: Path) -> str:
    """Whether a file holds JSON lines or CSV, by its first character."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise InputError(f"{path}: empty, no pair in it")
    return "json" if head.startswith(b"{") else "csv"
