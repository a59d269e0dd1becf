"""The model in a database that a build left, read back for people and pairs that come later."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray
from scipy import sparse

from ubcf.database.session import Session
from ubcf.scoring.matrices import Indexes, ModelMatrices
from ubcf.scoring.options import MODEL_OPTIONS, ModelOptions
from ubcf.scoring.planner import worth_compiling
from ubcf.scoring.ridge import ridge_weights_of_users
from ubcf.scoring.similarity import weights
from ubcf.scoring.walk import walk_few


@dataclass(frozen=True)
class StoredModel:
    """The interactions of a build, and the options that they were scored with.

    chooses_tracks: whether only some tracks may be recommended, those that the table tracks says.
    mean_time: of all events. indexed: user_index (by id), track_index (by popularity),
    centered_time and counted_time, arrays with one entry per user and track heard.
    """

    options: ModelOptions
    top: int
    exclude_heard: bool
    only_positive: bool
    chooses_tracks: bool
    mean_time: float
    indexed: dict[str, NDArray[Any]]

    @property
    def shape(self) -> tuple[int, int]:
        """Users and tracks of the logs."""
        return int(self.indexed["user_index"].max()) + 1, int(self.indexed["track_index"].max()) + 1

    @cached_property
    def matrices(self) -> ModelMatrices:
        """R, and what similarities and predicted times are computed from it."""
        return ModelMatrices.from_indexed(self.indexed, self.options)

    def similarity_of(self, users: Indexes) -> sparse.csr_array:
        """The similarities of the neighbors of some users: len(users) x all users."""
        compiled = worth_compiling(self.matrices.pattern.nnz, len(users))
        return weights(self.matrices, self.options.neighborhood, users, compiled=compiled)

    def weights(self, users: Indexes) -> sparse.csr_array:
        """The weights of all users in the scores of a few users: len(users) x all users."""
        if self.options.ridge_over_users is not None:
            return ridge_weights_of_users(
                self.matrices.interactions, users, self.options.ridge_over_users
            )
        similarity, walk = self.similarity_of(users), self.options.users_reached
        return similarity if walk is None else walk_few(similarity, self.similarity_of, walk)


def load_model(session: Session, loaded: StoredModel | None = None) -> StoredModel:
    """Loads the model of a database; makes the temporary table indexed_users, a row per user.

    loaded: the model of this database, if it is loaded already: then only the table is made, if the
    session lacks it.
    """
    if loaded is not None and session.columns("indexed_users"):
        return loaded
    mean_time = _mean_time(session) if loaded is None else loaded.mean_time
    session.set(mean_time=mean_time)
    session.run("serving/indexed_users.sql")
    if loaded is not None:
        return loaded
    ((text,),) = session.execute("select options from build")
    options = json.loads(text)
    return StoredModel(
        ModelOptions(**{name: options[name] for name in MODEL_OPTIONS if name in options}),
        options["top"],
        options["exclude_heard"],
        options["only_positive"],
        any(options.get(name) for name in ("catalog_only", "tracks", "not_tracks")),
        mean_time,
        session.run_arrays("serving/questions/indexed_interactions.sql"),
    )


def _mean_time(session: Session) -> float:
    ((mean_time,),) = session.run("serving/questions/mean_time.sql")
    return float(mean_time)
