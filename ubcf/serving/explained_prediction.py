"""Why a time is predicted: the terms of neighbors and of the user's own tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from ubcf.database.session import Session
from ubcf.scoring.predictions import Terms, prediction_terms
from ubcf.serving.stored_model import StoredModel, load_model

# The parts of an explanation: the template of each, which has its terms, one row each.
NEIGHBORS, OWN_TRACKS = "neighbors", "own_tracks"
TEMPLATES = {NEIGHBORS: "prediction_neighbors", OWN_TRACKS: "prediction_own_tracks"}


@dataclass(frozen=True)
class ExplainedTime:
    """A predicted time, and what it is the sum of, in the scale of the build.

    expected_time: without neighbors. of_neighbors, of_own_tracks: the sums of the contributions in
    `parts`, whose relations have a row for each term, the greatest first. is_cut: the sum of all
    three is below or above the scale, and the prediction is its end. is_known: the logs have both
    the user and the track.
    """

    predicted_time: float
    expected_time: float
    of_neighbors: float
    of_own_tracks: float
    is_cut: bool
    is_known: bool
    parts: dict[str, duckdb.DuckDBPyRelation]


def explain_prediction(
    connection: duckdb.DuckDBPyConnection,
    user: Any,
    track: Any,
    loaded: StoredModel | None = None,
    *,
    indexes: tuple[int, int] | None = None,
) -> ExplainedTime:
    """The terms of the predicted time of a track for a user, as `predict` computes it.

    The part `neighbors` has neighbor, similarity, centered_time and contribution; with own_tracks,
    the part `own_tracks` has track in place of neighbor. Times are in the scale of the build. For a
    user or a track that the logs do not know, there are no terms.
    loaded: the model, if it is loaded already. indexes: of the user and the track in it, if known:
    then the ids need not be searched for.
    """
    session = Session(connection)
    model = load_model(session, loaded)
    if indexes is None:
        indexes = _indexes(session, user, track)
    else:
        session.set(user_index=indexes[0], track_index=indexes[1])
        session.run("serving/indexed_pair.sql")
    terms = {name: Terms.none() for name in TEMPLATES}
    if indexes is not None:
        found = prediction_terms(
            model.matrices,
            model.options.neighborhood,
            *indexes,
            damping=model.options.damping,
            own_tracks=model.options.own_tracks,
        )
        terms = dict(zip(TEMPLATES, found, strict=True))
    session.set(
        of_neighbors=float(terms[NEIGHBORS].contribution.sum()),
        of_own_tracks=float(terms[OWN_TRACKS].contribution.sum()),
    )
    ((expected, of_neighbors, of_own_tracks, predicted, is_cut),) = session.run(
        "serving/questions/explained_time.sql"
    )
    if not model.options.own_tracks:
        del terms[OWN_TRACKS]
    return ExplainedTime(
        predicted,
        expected,
        of_neighbors,
        of_own_tracks,
        is_cut,
        indexes is not None,
        {name: _relation(session, TEMPLATES[name], each) for name, each in terms.items()},
    )


def _indexes(session: Session, user: Any, track: Any) -> tuple[int, int] | None:
    """The indexes of a user and a track, if the logs know both; makes indexed_pairs."""
    texts = {"user_text": user, "track_text": track}
    pair = {name: np.array([str(text)], dtype=object) for name, text in texts.items()}
    with session.registered("given_pairs", pair):
        session.run("serving/pairs.sql", form="csv")
    session.run("serving/indexed_pairs.sql")
    known = session.run_arrays("serving/questions/known_pairs.sql")
    if not len(known["position"]):
        return None
    return int(known["user_index"][0]), int(known["track_index"][0])


def _relation(session: Session, template: str, terms: Terms) -> duckdb.DuckDBPyRelation:
    """Terms with ids in place of indexes."""
    with session.registered("found_terms", dict(vars(terms))):
        return session.relation(f"serving/questions/{template}.sql")
