"""Sparse matrices of the model: interactions, their row norms, their rows at unit length.

Nothing here knows a database, a file or an option; users and tracks are dense indexes from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.tolerances import COUNTED_TIME_NOISE

FloatArray = NDArray[np.float64]

IntArray = NDArray[np.integer[Any]]


def interaction_matrix(
    user_index: IntArray, track_index: IntArray, centered_time: FloatArray, shape: tuple[int, int]
) -> sparse.csr_array:
    """R: the centered times h as a sparse users x tracks matrix, without stored zeros.

    The three arrays have one entry per interaction, in any order; a pair occurs once.
    Raises ValueError when an index lies outside `shape`.
    """
    matrix = sparse.coo_array((centered_time, (user_index, track_index)), shape=shape).tocsr()
    matrix.sort_indices()
    matrix.eliminate_zeros()
    return matrix


def track_rows(
    user_index: IntArray, track_index: IntArray, centered_time: FloatArray, shape: tuple[int, int]
) -> sparse.csr_array:
    """h by track, tracks x users: every track heard has an entry, also where h is 0.

    The three arrays have one entry per interaction; `shape` is users x tracks.
    """
    users, tracks = shape
    matrix = sparse.coo_array((centered_time, (track_index, user_index)), shape=(tracks, users))
    by_track = matrix.tocsr()
    by_track.sort_indices()
    return by_track


def with_offset(centered_time: FloatArray, offset: float) -> FloatArray:
    """What an interaction counts: h + offset, where a magnitude under 1e-9 is exactly 0."""
    counted = centered_time + offset
    return np.where(np.abs(counted) < COUNTED_TIME_NOISE, 0.0, counted)


def row_of_each_entry(matrix: sparse.csr_array) -> NDArray[np.int64]:
    """The row of each stored entry of a matrix: shape (nnz,), ascending."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def entries_by_row(matrix: sparse.csr_array, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of some stored entries, given by their ascending places, each row has."""
    counts: NDArray[np.int64] = np.diff(np.searchsorted(places, matrix.indptr))
    return counts


def _place_of_each_entry(matrix: sparse.csr_array) -> NDArray[np.int64]:
    """row * columns + column of each stored entry: shape (nnz,)."""
    places: NDArray[np.int64] = row_of_each_entry(matrix) * matrix.shape[1] + matrix.indices
    return places


def has_entries(matrix: sparse.csr_array, rows: IntArray, columns: IntArray) -> NDArray[np.bool_]:
    """Whether a matrix has stored entries at some places: shape (places,).

    The places are those of rows and columns, entry by entry; fast for rows close to each other.
    """
    if len(rows) == 0:
        return np.zeros(0, dtype=bool)
    first, stop = int(rows.min()), int(rows.max()) + 1
    near = matrix[first:stop]
    if near.nnz == 0:
        return np.zeros(len(rows), dtype=bool)
    stored = _place_of_each_entry(near)
    if not near.has_sorted_indices:
        stored.sort()
    wanted = (rows - first).astype(np.int64) * near.shape[1] + columns
    found = np.searchsorted(stored, wanted)
    there: NDArray[np.bool_] = stored.take(found, mode="clip") == wanted
    return there


def row_norms(matrix: sparse.csr_array) -> FloatArray:
    """The Euclidean norm of each row, its squares added from left to right: shape (rows,)."""
    squares = np.bincount(
        row_of_each_entry(matrix), weights=matrix.data**2, minlength=matrix.shape[0]
    )
    return np.sqrt(squares)


def unit_rows(matrix: sparse.csr_array, norms: FloatArray) -> sparse.csr_array:
    """X: the rows of a matrix divided by their norms, so that X @ X.T holds cosines.

    `norms` has shape (rows,). A row without entries stays so: its cosine with any row is 0.
    """
    scaled = matrix.data / np.repeat(norms, np.diff(matrix.indptr))
    return sparse.csr_array((scaled, matrix.indices, matrix.indptr), shape=matrix.shape)


def with_zeros(matrix: sparse.csr_array, pattern: sparse.csr_array) -> sparse.csr_array:
    """The matrix with an entry, 0 where it has none, wherever `pattern` has one.

    All entries of the matrix are among those of the pattern; both have their indexes in order.
    """
    if matrix.nnz == pattern.nnz:
        return matrix
    places, among = _place_of_each_entry(matrix), _place_of_each_entry(pattern)
    values = np.zeros(pattern.nnz)
    values[np.searchsorted(among, places)] = matrix.data
    return sparse.csr_array((values, pattern.indices, pattern.indptr), shape=matrix.shape)


Indexes = NDArray[np.int64]

# A matrix users x tracks, and its transpose.
SidesOfProduct = tuple[sparse.csr_array, sparse.csr_array]


class ModelMatrices:
    """R, and what similarities, scores and predicted times are computed from it.

    interactions: R, users x tracks. pattern: users x tracks, non-zero at the tracks that a user has
    heard, also where R is 0. norms: of the rows of R, shape (users,). unit: X. centered_by_track:
    h, tracks x users; None where it was not asked for. The others are computed on first use.
    """

    def __init__(
        self,
        interactions: sparse.csr_array,
        heard: sparse.csr_array | None = None,
        centered_by_track: sparse.csr_array | None = None,
    ) -> None:
        """heard: the pattern; None: a track is heard where R is not 0."""
        self.interactions = interactions
        self.pattern = interactions if heard is None else heard
        self.centered_by_track = centered_by_track
        self.norms = row_norms(interactions)
        self.unit = unit_rows(interactions, self.norms)

    @classmethod
    def of(
        cls,
        user_index: IntArray,
        track_index: IntArray,
        counted_time: FloatArray,
        shape: tuple[int, int],
        centered_time: FloatArray | None = None,
    ) -> ModelMatrices:
        """From arrays with one entry per user and track heard, also where R is 0.

        shape: users x tracks. centered_time: h, for centered_by_track.
        """
        interactions = interaction_matrix(user_index, track_index, counted_time, shape)
        by_track = None
        if centered_time is not None:
            by_track = track_rows(user_index, track_index, centered_time, shape)
        ones = np.ones(len(user_index), dtype=np.int8)
        heard = sparse.csr_array((ones, (user_index, track_index)), shape=shape)
        return cls(interactions, heard, by_track)

    @classmethod
    def from_indexed(cls, indexed: Mapping[str, NDArray[Any]]) -> ModelMatrices:
        """From the columns of indexed_interactions; without centered_time there are no centers."""
        users, tracks = indexed["user_index"], indexed["track_index"]
        shape = (int(users.max()) + 1, int(tracks.max()) + 1)
        return cls.of(users, tracks, indexed["counted_time"], shape, indexed.get("centered_time"))

    @cached_property
    def unit_by_track(self) -> sparse.csr_array:
        """X transposed, tracks x users."""
        return sparse.csr_array(self.unit.T.tocsr())

    @cached_property
    def by_track(self) -> sparse.csr_array:
        """R transposed, tracks x users."""
        return sparse.csr_array(self.interactions.T.tocsr())

    @cached_property
    def unit_where_heard(self) -> SidesOfProduct:
        """X and X transposed, with an entry, which may be 0, wherever a track was heard."""
        own = with_zeros(self.unit, self.pattern)
        return own, self.unit_by_track if own is self.unit else sparse.csr_array(own.T.tocsr())

    @cached_property
    def times_where_heard(self) -> SidesOfProduct:
        """R and R transposed, with an entry, which may be 0, wherever a track was heard."""
        own = with_zeros(self.interactions, self.pattern)
        return own, self.by_track if own is self.interactions else sparse.csr_array(own.T.tocsr())

    @cached_property
    def heard(self) -> sparse.csr_array:
        """Ones at what was heard, users x tracks."""
        ones = np.ones(self.pattern.nnz)
        return sparse.csr_array(
            (ones, self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape
        )

    @cached_property
    def heard_by_track(self) -> sparse.csr_array:
        """What was heard, tracks x users."""
        return sparse.csr_array(self.heard.T.tocsr())

    @cached_property
    def squares(self) -> sparse.csr_array:
        """The squares of R."""
        return sparse.csr_array(self.interactions.power(2))

    @cached_property
    def squares_by_track(self) -> sparse.csr_array:
        """The squares of R transposed, tracks x users."""
        return sparse.csr_array(self.by_track.power(2))


@dataclass(frozen=True)
class UserPaths:
    """How many paths lead from each user to others, and on to tracks: shape (users,).

    to_users: over a track to one of its listeners; to_tracks: from there on to one of the
    listener's tracks. similarities, scores: the different users and tracks at their ends, at most,
    so upper bounds of the entries of each user's similarity and score rows.
    """

    to_users: FloatArray
    to_tracks: FloatArray
    similarities: FloatArray
    scores: FloatArray

    @classmethod
    def of(cls, interactions: sparse.csr_array) -> UserPaths:
        """Counts the paths in R, users x tracks."""
        users, tracks = interactions.shape
        user_tracks = np.diff(interactions.indptr).astype(np.float64)
        pattern = sparse.csr_array(
            (np.ones_like(interactions.data), interactions.indices, interactions.indptr),
            shape=interactions.shape,
        )
        to_users = pattern @ (pattern.T @ np.ones(users))
        to_tracks = pattern @ (pattern.T @ user_tracks)
        return cls(to_users, to_tracks, np.minimum(to_users, users), np.minimum(to_tracks, tracks))
