"""What analyses of one user or one track read, from the arrays of a model that is loaded.

On a database of millions of interactions DuckDB takes most of its time to skip those that a page
about one user does not need. The model has all of them in order, so they are found at once, and are
given to DuckDB under the names of the tables that have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ubcf.database.session import TABLES_OF_IDS, Session
from ubcf.scoring.matrices import FloatArray, Indexes
from ubcf.scoring.ranking import top_positive
from ubcf.serving.stored_model import StoredModel, load_model

# Types of ids that arrays have as they are.
TYPES_IN_ARRAYS = ("VARCHAR", "BIGINT", "INTEGER", "SMALLINT", "TINYINT")

# The columns of the relation near_similarities.
NEAR_SIMILARITIES = ("user", "place", "neighbor", "weight", "common_tracks")

# The interactions of all who heard a track are given if they are at most this many.
MOST_ROWS = 500_000


@dataclass(frozen=True)
class NearRows:
    """The interactions of a model, and the ids of its users and tracks by index."""

    model: StoredModel
    users: NDArray[Any]
    tracks: NDArray[Any]

    @classmethod
    def of(cls, session: Session, model: StoredModel) -> NearRows | None:
        """Reads the ids; None if they are of a type that arrays do not have."""
        if not set(session.id_types().values()) <= set(TYPES_IN_ARRAYS):
            return None
        load_model(session, model)
        users, tracks = (
            session.run_arrays(f"serving/questions/ids_of_{table}.sql")[kind]
            for kind, table in TABLES_OF_IDS.items()
        )
        near = cls(model, users, tracks)
        # computed here, by one thread
        near._starts, near._by_track, near._tracks_in_order  # noqa: B018
        return near

    @property
    def has_similarities(self) -> bool:
        """Whether scores are of similarities alone: by no walk and no ridge."""
        options = self.model.options
        return options.users_reached is None and options.ridge_over_users is None

    def indexes_of(self, user: Any, track: Any) -> tuple[int, int] | None:
        """The indexes of a user and a track in the model, if it has both."""
        index, column = _place(self.users, user), self._track_index(track)
        return None if index is None or column is None else (index, column)

    @contextmanager
    def of_similar_users(self, session: Session, user: Any, most: int) -> Iterator[None]:
        """Makes readable who is similar to a user, and what they and the user heard, for a while.

        The table interactions has their rows alone, without plays and mean times, and the macro
        similarities_of the first `most` with a similarity above 0, and only of this user.
        session: prepared by `read_near_rows`. user: an id as the database has it.
        """
        index = _place(self.users, user)
        if index is None:
            neighbors, weights = np.zeros(0, dtype=np.int64), np.zeros(0)
        else:
            best = top_positive(self.model.similarity_of(np.array([index])), most)
            neighbors, weights = best.columns.astype(np.int64), best.values
        rows = self._rows_of(neighbors)
        with self._readable(session, index, neighbors, weights, rows, counts_common=True):
            yield

    @contextmanager
    def of_explanation(self, session: Session, user: Any, track: Any, most: int) -> Iterator[int]:
        """Makes readable what the score of a track for a user is made of, for a while.

        Gives the number of neighbors who contribute.

        The macros similarities_of and weights_of have those neighbors of the user alone who
        contribute, in no order and without the numbers of tracks in common. The table interactions
        has their rows about the track, and all rows of the user and of the `most` who contribute
        most. session, user, track: as in `of_similar_users`.
        """
        indexes = self.indexes_of(user, track)
        neighbors, weights = np.zeros(0, dtype=np.int64), np.zeros(0)
        rows = np.zeros(0, dtype=np.int64)
        if indexes is not None:
            weight_of = np.zeros(len(self.users))
            similarity = self.model.similarity_of(np.array(indexes[:1]))
            weight_of[similarity.indices] = similarity.data
            rows = self._rows_about(indexes[1])
            terms = weight_of[self._users_of(rows)] * self.model.indexed["counted_time"][rows]
            rows, terms = rows[terms != 0], np.abs(terms[terms != 0])
            neighbors = self._users_of(rows)
            weights = weight_of[neighbors]
            # Those equal to the last one are among the first, as the order of ids decides.
            least = np.partition(terms, -most)[-most] if len(terms) > most else 0.0
            is_first = terms >= least
            rows = np.concatenate([rows[~is_first], self._rows_of(neighbors[is_first])])
        user_index = _place(self.users, user)
        with self._readable(session, user_index, neighbors, weights, rows):
            yield len(neighbors)

    @contextmanager
    def of_listeners(self, session: Session, track: Any) -> Iterator[None]:
        """Makes the table interactions have all rows of the listeners of a track, for a while.

        And no others, without plays and mean times. Does nothing if they are too many.
        """
        column = self._track_index(track)
        rows = np.zeros(0, dtype=np.int64)
        if column is not None:
            rows = self._rows_of(self._users_of(self._rows_about(column)))
        if len(rows) > MOST_ROWS:
            yield
            return
        with session.registered("interactions", self._interactions(rows)):
            yield

    @contextmanager
    def _readable(
        self,
        session: Session,
        user: int | None,
        neighbors: Indexes,
        weights: FloatArray,
        rows: Indexes,
        *,
        counts_common: bool = False,
    ) -> Iterator[None]:
        """Makes neighbors, and interactions besides those of the user, readable for a while."""
        users = np.array([] if user is None else [user], dtype=np.int64)
        own = self._rows_of(users)
        similarities = (
            self.users[np.repeat(users, len(neighbors))],
            np.arange(1, len(neighbors) + 1),
            self.users[neighbors],
            weights,
            self._common_tracks(own, neighbors) if counts_common else np.zeros(len(neighbors)),
        )
        with ExitStack() as stack:
            named = dict(zip(NEAR_SIMILARITIES, similarities, strict=True))
            stack.enter_context(session.registered("near_similarities", named))
            interactions = self._interactions(np.concatenate([own, rows]))
            stack.enter_context(session.registered("interactions", interactions))
            yield

    def _interactions(self, rows: Indexes) -> dict[str, NDArray[Any]]:
        indexed = self.model.indexed
        return {
            "user": self.users[indexed["user_index"][rows]],
            "track": self.tracks[indexed["track_index"][rows]],
            "centered_time": indexed["centered_time"][rows],
            "counted_time": indexed["counted_time"][rows],
        }

    @cached_property
    def _starts(self) -> Indexes:
        """Where the rows of each user begin, and the end: shape (users + 1,)."""
        users = self.model.indexed["user_index"]
        starts: Indexes = np.searchsorted(users, np.arange(len(self.users) + 1))
        return starts

    @cached_property
    def _by_track(self) -> tuple[Indexes, NDArray[np.int32]]:
        """Where the rows of each track begin, and the rows: by track, then by user."""
        tracks = self.model.indexed["track_index"]
        starts = np.concatenate([[0], np.cumsum(np.bincount(tracks, minlength=len(self.tracks)))])
        return starts, np.argsort(tracks, kind="stable").astype(np.int32)

    def _rows_about(self, track: int) -> Indexes:
        """The rows of all who heard a track, by user."""
        starts, rows = self._by_track
        about: Indexes = rows[starts[track] : starts[track + 1]].astype(np.int64)
        return about

    def _users_of(self, rows: Indexes) -> Indexes:
        users: Indexes = self.model.indexed["user_index"][rows].astype(np.int64)
        return users

    def _rows_of(self, users: Indexes) -> Indexes:
        """The rows of some users, by user in this order."""
        starts, lengths = self._starts[users], self._starts[users + 1] - self._starts[users]
        before = np.cumsum(lengths) - lengths
        return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))

    def _common_tracks(self, own: Indexes, neighbors: Indexes) -> Indexes:
        """How many tracks of the rows `own` each of some users heard: shape of `neighbors`."""
        tracks = self.model.indexed["track_index"]
        is_own = np.zeros(len(self.tracks), dtype=np.int64)
        is_own[tracks[own]] = 1
        counts = np.concatenate([[0], np.cumsum(is_own[tracks[self._rows_of(neighbors)]])])
        lengths = self._starts[neighbors + 1] - self._starts[neighbors]
        ends = np.cumsum(lengths)
        common: Indexes = counts[ends] - counts[ends - lengths]
        return common

    @cached_property
    def _tracks_in_order(self) -> tuple[Indexes, NDArray[Any]]:
        order = np.argsort(self.tracks, kind="stable")
        return order, self.tracks[order]

    def _track_index(self, track: Any) -> int | None:
        order, ids = self._tracks_in_order
        place = _place(ids, track)
        return None if place is None else int(order[place])


def _place(ids: NDArray[Any], sought: Any) -> int | None:
    """Where an id is among ids in ascending order; None if it is not."""
    place = int(np.searchsorted(ids, sought))
    return place if place < len(ids) and ids[place] == sought else None


def read_near_rows(session: Session) -> None:
    """Makes the macros of a session read what `NearRows` gives, and nothing else."""
    # A macro is of relations that are there when it is made.
    none = {name: np.zeros(0, dtype=np.int64) for name in NEAR_SIMILARITIES}
    with session.registered("near_similarities", none):
        for macro in ("similarities_of", "weights_of"):
            session.run("serving/near_similarities_of.sql", macro=macro)
