"""Fold-in: recommendations for a person who came after the build, from the database alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.database.frames import Frame
from ubcf.database.reading import on_own_cursor
from ubcf.database.session import Session
from ubcf.errors import OptionError
from ubcf.scoring.baseline import USER_REGULARIZATION
from ubcf.scoring.matrices import (
    FloatArray,
    IntArray,
    ModelMatrices,
    own_terms_of,
    row_of_each_entry,
    track_factors,
    values_at,
    with_offset,
)
from ubcf.scoring.pairs import scored_by_own_listening
from ubcf.scoring.ranking import ListOptions, TopLists, top_positive
from ubcf.scoring.ridge import ridge_weights_of_users
from ubcf.scoring.similarity import count_common, score_block, weights
from ubcf.scoring.walk import walk_few
from ubcf.serving.history import PathLike, TimeBounds, given_plays
from ubcf.serving.stored_model import StoredModel, load_model

# Similar users shown by default, and neighbors that explain a recommendation.
SIMILAR_USERS = 20
NEIGHBORS_SHOWN = 5


@on_own_cursor
def recommend(
    connection: duckdb.DuckDBPyConnection,
    history: PathLike | Frame | Mapping[Any, float] | Iterable[tuple[Any, float]],
    top: int | None = None,
) -> duckdb.DuckDBPyRelation:
    """Recommends tracks to a person with this history, with the scores of a rebuild with them.

    history: time by track; plays as pairs of track and time; a frame with the columns track and
    time; or the path of a file, as for the command. A time is a fraction of the track, or a rating
    in the scale of the build. top: None takes that of the build.
    Returns rank, track, score, heard, source, artist, title, genre and pop. The options are those
    of the build. Unlike a rebuild, the person's listening does not change the order of popularity
    among equal scores, nor, with baseline centering, the biases of the tracks, with a track
    exponent, their numbers of listeners, and with a walk, the steps from the other users.
    Raises InputError for a history that is empty or has a time outside the scale, OptionError for a
    top below 1.
    """
    return fold_in(connection, history, top)["recommendations"]


def fold_in(
    connection: duckdb.DuckDBPyConnection,
    history: PathLike | Frame | Mapping[Any, float] | Iterable[tuple[Any, float]],
    top: int | None = None,
    *,
    similar_users: int = SIMILAR_USERS,
    explain: bool = False,
    model: StoredModel | None = None,
) -> dict[str, duckdb.DuckDBPyRelation]:
    """Recommendations and similar users for a person: a relation by name.

    explain: also returns `explanation`, a row for each of the NEIGHBORS_SHOWN neighbors that
    contribute most to a recommendation. model: that of the connection, if it is loaded already.
    Raises as `recommend` does.
    """
    if top is not None and top < 1:
        raise OptionError(f"top is {top}; it must be at least 1")
    plays = given_plays(history, time_bounds(connection))
    session = Session(connection)
    model = load_model(session, model)
    session.set(
        history_tracks=[track for track, _ in plays],
        history_times=[time for _, time in plays],
        k=NEIGHBORS_SHOWN,
    )
    session.run("serving/history.sql")
    person = _Person.of(model, session.run_arrays("serving/questions/history_plays.sql"))
    allowed = None
    if model.chooses_tracks:
        allowed = session.run_arrays("serving/questions/recommendable_tracks.sql")["track_index"]
    found = person.recommendations(model, model.top if top is None else top, allowed)
    neighbors = top_positive(person.similarity, similar_users)
    parts: dict[str, tuple[str, str, dict[str, NDArray[Any]]]] = {
        "recommendations": (
            "folded_recommendations",
            "found_tracks",
            {
                "rank": found.ranks,
                "track_index": found.columns,
                "score": found.values,
                "own": person.own(found),
            },
        ),
        "similar_users": (
            "folded_neighbors",
            "found_neighbors",
            {
                "rank": neighbors.ranks,
                "user_index": neighbors.columns,
                "similarity": neighbors.values,
                "common_tracks": count_common(
                    person.matrices.pattern,
                    np.full(len(neighbors.columns), person.row),
                    neighbors.columns,
                ),
            },
        ),
    }
    if explain:
        parts["explanation"] = (
            "folded_explanation",
            "found_contributions",
            person.contributions(model, found),
        )
    return {
        part: _joined(session, template, name, columns)
        for part, (template, name, columns) in parts.items()
    }


def time_bounds(connection: duckdb.DuckDBPyConnection) -> TimeBounds:
    """The least and the greatest time that a history may have."""
    (bounds,) = Session(connection).run("serving/questions/time_bounds.sql")
    return TimeBounds(*bounds)


def why_popular(
    connection: duckdb.DuckDBPyConnection, parts: Mapping[str, duckdb.DuckDBPyRelation]
) -> str | None:
    """Why the result of `fold_in` is only a list of popular tracks; None where it is not.

    Reads the history that `fold_in` left in the connection.
    """
    sources = parts["recommendations"].project("source").distinct().fetchall()
    if sources != [("popularity",)]:
        return None
    ((known, all_count_as_0),) = Session(connection).run("serving/questions/known_history.sql")
    if known == 0:
        return "none of the tracks heard is in the logs"
    if all_count_as_0:
        return "every play, or the only one, is of the mean time, which counts as 0: no taste shows"
    if not parts["similar_users"].project("rank").limit(1).fetchall():
        return "no user of the logs is similar"
    return "nothing that similar users heard counts"


@dataclass(frozen=True)
class _Person:
    """The model with the person as one more user, in the last row."""

    row: int
    matrices: ModelMatrices
    similarity: sparse.csr_array
    weights: sparse.csr_array
    scores: sparse.csr_array

    @classmethod
    def of(cls, model: StoredModel, plays: dict[str, NDArray[Any]]) -> _Person:
        """Centers the plays as a build does, and computes the weights and scores of the person.

        Each track counts with the listeners that it has in the build. In a walk the person reaches
        others, who lead to each other as in the build, never back to the person.
        """
        users, tracks = model.shape
        own_tracks = np.asarray(plays["track_index"])
        own = _centered(model, plays)
        shape = (users + 1, max(tracks, int(own_tracks.max()) + 1))
        places: tuple[IntArray, IntArray] = (
            np.concatenate([model.indexed["user_index"], np.full(len(own), users, dtype=np.int32)]),
            np.concatenate([model.indexed["track_index"], own_tracks]),
        )
        counted = np.concatenate(
            [model.indexed["counted_time"], with_offset(own, model.options.offset)]
        )
        listeners = np.bincount(model.indexed["track_index"], minlength=shape[1])
        matrices = ModelMatrices.of(
            *places,
            counted,
            shape,
            own_terms=own_terms_of(
                np.concatenate([model.indexed["centered_time"], own]), model.options.own_liking
            ),
            factors=track_factors(listeners, model.options.track_exponent),
        )
        row = np.array([users])
        similarity = weights(matrices, model.options.neighborhood, row)
        walk, ridge = model.options.users_reached, model.options.ridge_over_users
        found = similarity
        if ridge is not None:
            found = ridge_weights_of_users(matrices.interactions, row, ridge)
        elif walk is not None:
            of_others = walk_few(similarity[:, :users], model.similarity_of, walk)
            found = sparse.csr_array(
                (of_others.data, of_others.indices, of_others.indptr), shape=similarity.shape
            )
        return cls(users, matrices, similarity, found, score_block(found, matrices, row))

    def recommendations(self, model: StoredModel, top: int, allowed: IntArray | None) -> TopLists:
        """The list of the person, with the options of the build.

        allowed: the tracks that may be recommended; None: all.
        """
        recommendable = None
        if allowed is not None:
            recommendable = np.zeros(self.scores.shape[1], dtype=bool)
            recommendable[allowed] = True
        excluded = self.matrices.pattern[[self.row]] if model.exclude_heard else None
        lists = ListOptions(top, 0, excluded, model.only_positive, recommendable)
        return lists.recommended(self.scores, np.zeros(1, dtype=np.int64))

    def own(self, lists: TopLists) -> NDArray[np.bool_]:
        """Whether each score of the list is from what the person heard alone."""
        return scored_by_own_listening(
            self.matrices,
            lambda _users: self.weights,
            np.full(len(lists.columns), self.row),
            lists.columns,
            lists.values,
        )

    def contributions(self, model: StoredModel, lists: TopLists) -> dict[str, NDArray[Any]]:
        """The contribution of each user, and of the person, to each score of the list."""
        counts = self.weights.toarray().ravel()
        by_rank = sparse.csr_array(self.matrices.by_track[lists.columns])
        place = row_of_each_entry(by_rank)
        similarity = counts.take(by_rank.indices)
        kept = np.flatnonzero(similarity * by_rank.data)
        terms = {
            "rank": place.take(kept) + 1,
            "track_index": lists.columns.take(place.take(kept)),
            "user_index": by_rank.indices.take(kept).astype(np.int64),
            "similarity": similarity.take(kept),
            "counted_time": by_rank.data.take(kept),
            "contribution": (similarity * by_rank.data).take(kept),
        }
        own = self._own_contributions(model, lists)
        return {name: np.concatenate([terms[name], own[name]]) for name in terms}

    def _own_contributions(self, model: StoredModel, lists: TopLists) -> dict[str, NDArray[Any]]:
        """The own terms of the person, as `contributions`."""
        terms = np.zeros(len(lists.columns))
        if self.matrices.own_scores is not None:
            rows = np.full(len(lists.columns), self.row)
            terms = values_at(self.matrices.own_scores, rows, lists.columns)
        place = np.flatnonzero(terms)
        liking = model.options.own_liking
        return {
            "rank": place + 1,
            "track_index": lists.columns.take(place),
            "user_index": np.full(len(place), self.row),
            "similarity": np.full(len(place), liking),
            "counted_time": terms.take(place) / (liking or 1.0),
            "contribution": terms.take(place),
        }


def _centered(model: StoredModel, plays: dict[str, NDArray[Any]]) -> FloatArray:
    """h of the person for each track heard: shape (tracks heard,)."""
    count = np.asarray(plays["plays"], dtype=np.float64)
    total, bias = np.asarray(plays["total_time"]), np.asarray(plays["bias"])
    expected: FloatArray | float = 0.0
    if model.options.centering == "user":
        expected = float(total.sum() / count.sum())
    elif model.options.centering == "baseline":
        left = float((total - count * (model.mean_time + bias)).sum())
        expected = model.mean_time + bias + left / (USER_REGULARIZATION + float(count.sum()))
    return with_offset(total / count - expected, 0.0)


def _joined(
    session: Session, template: str, name: str, columns: dict[str, NDArray[Any]]
) -> duckdb.DuckDBPyRelation:
    """Runs a template that reads these columns under a name."""
    with session.registered(name, columns):
        return session.relation(
            f"serving/questions/{template}.sql", track_type=session.id_types()["track"]
        )
