"""Sparse matrices of the model: interactions R, row norms, unit rows X, and their transposes.

Users and tracks are dense indexes from 0. Nothing here knows a database or a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.options import ModelOptions
from ubcf.scoring.tolerances import COUNTED_TIME_NOISE

FloatArray = NDArray[np.float64]

SingleArray = NDArray[np.float32]

IntArray = NDArray[np.integer[Any]]  # Any: of whatever width, signed or not

Int32Array = NDArray[np.int32]

Indexes = NDArray[np.int64]

# A users x tracks matrix, and its transpose.
MatrixAndTranspose = tuple[sparse.csr_array, sparse.csr_array]


# The matrices that only similarities are computed from.
FOR_SIMILARITIES = (
    "compared",
    "compared_by_track",
    "compared_where_heard",
    "unit",
    "unit_by_track",
    "unit_where_heard",
)


class Rows(NamedTuple):
    """A sparse matrix by its three arrays, the form in which kernels take and return it.

    Row r has the entries starts[r] to starts[r + 1] - 1 of `columns` and `values`. A slice of
    `starts` is a matrix of fewer rows, without any copy.
    """

    starts: IntArray
    columns: IntArray
    values: FloatArray

    @classmethod
    def of(cls, matrix: sparse.csr_array) -> Rows:
        """The arrays of a matrix, not copied."""
        return cls(matrix.indptr, matrix.indices, matrix.data)

    def between(self, first: int, stop: int) -> Rows:
        """The rows first..stop-1, not copied."""
        return Rows(self.starts[first : stop + 1], self.columns, self.values)

    def to_matrix(self, columns_count: int) -> sparse.csr_array:
        """The matrix with this many columns; columns and values are shared.

        scipy takes one type for starts and columns, so the starts get that of the columns, unless
        there are too many entries for it.
        """
        starts, shape = self.starts, (len(self.starts) - 1, columns_count)
        if starts[-1] <= np.iinfo(self.columns.dtype).max:
            starts = starts.astype(self.columns.dtype, copy=False)
        return sparse.csr_array((self.values, self.columns, starts), shape=shape)


def interaction_matrix(
    user_index: IntArray, track_index: IntArray, centered_time: FloatArray, shape: tuple[int, int]
) -> sparse.csr_array:
    """R: the centered times h as a sparse users x tracks matrix, without stored zeros.

    The three arrays have one entry per interaction, in any order; each user and track occur
    together once. Raises ValueError when an index lies outside `shape`, which is users x tracks.
    """
    matrix = sparse.coo_array((centered_time, (user_index, track_index)), shape=shape).tocsr()
    matrix.sort_indices()
    matrix.eliminate_zeros()
    return matrix


def track_rows(
    user_index: IntArray, track_index: IntArray, centered_time: FloatArray, shape: tuple[int, int]
) -> sparse.csr_array:
    """h by track, tracks x users: every interaction has an entry, even where h is 0.

    The three arrays have one entry per interaction; `shape` is users x tracks.
    """
    users, tracks = shape
    matrix = sparse.coo_array((centered_time, (track_index, user_index)), shape=(tracks, users))
    by_track = matrix.tocsr()
    by_track.sort_indices()
    return by_track


def with_offset(centered_time: FloatArray, offset: float) -> FloatArray:
    """The value of each interaction in R: h + offset; a magnitude under 1e-9 becomes exactly 0."""
    counted = centered_time + offset
    return np.where(np.abs(counted) < COUNTED_TIME_NOISE, 0.0, counted)


def track_factors(listeners: IntArray, exponent: float) -> FloatArray | None:
    """n^-exponent for each track with n listeners, None if that is 1: shape (tracks,).

    A track without listeners counts as if it had one.
    """
    if exponent == 0:
        return None
    factors: FloatArray = np.maximum(listeners, 1).astype(np.float64) ** -exponent
    return factors


def own_terms_of(centered_time: FloatArray, own_liking: float) -> FloatArray | None:
    """own_liking * max(h, 0): what a user's own listening adds to its scores; None: nothing."""
    return own_liking * np.maximum(centered_time, 0.0) if own_liking > 0 else None


def row_of_each_entry(matrix: sparse.csr_array) -> NDArray[np.int64]:
    """The row of each stored entry of a matrix: shape (nnz,), ascending."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def entries_by_row(matrix: sparse.csr_array, positions: Indexes) -> Indexes:
    """Counts a selection of the stored entries by row: shape (rows,).

    positions: ascending indexes into `matrix.data`.
    """
    counts: Indexes = np.diff(np.searchsorted(positions, matrix.indptr))
    return counts


def _flat_indexes(matrix: sparse.csr_array) -> Indexes:
    """row * columns + column of each stored entry: shape (nnz,)."""
    flat: Indexes = row_of_each_entry(matrix) * matrix.shape[1] + matrix.indices
    return flat


def same_entries(matrix: sparse.csr_array, values: FloatArray) -> sparse.csr_array:
    """A matrix with other values at the stored entries of `matrix`, whose indexes it shares."""
    return sparse.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)


def only_entries(matrix: sparse.csr_array, kept: Indexes) -> sparse.csr_array:
    """The matrix with some of its stored entries alone; kept: their positions, ascending."""
    starts = np.searchsorted(kept, matrix.indptr)
    return sparse.csr_array(
        (matrix.data.take(kept), matrix.indices.take(kept), starts), shape=matrix.shape
    )


def nonzero_entries(dense: FloatArray) -> sparse.csr_array:
    """A dense matrix, stored row by row, as a sparse one; scipy takes some times as long."""
    rows, columns = dense.shape
    kept = np.flatnonzero(dense)
    starts = np.searchsorted(kept, np.arange(rows + 1) * columns)
    in_row = kept - np.repeat(np.arange(rows) * columns, np.diff(starts))
    return sparse.csr_array(
        (dense.ravel().take(kept), in_row.astype(np.int32), starts.astype(np.int32)),
        shape=dense.shape,
    )


def has_entries(matrix: sparse.csr_array, rows: IntArray, columns: IntArray) -> NDArray[np.bool_]:
    """True where the matrix stores an entry at (rows[i], columns[i]): shape of `rows`.

    Searches the entries of rows.min() to rows.max() only, so it is fast for rows close together.
    """
    if len(rows) == 0:
        return np.zeros(0, dtype=bool)
    first, stop = int(rows.min()), int(rows.max()) + 1
    near = matrix[first:stop]
    if near.nnz == 0:
        return np.zeros(len(rows), dtype=bool)
    stored = _flat_indexes(near)
    if not near.has_sorted_indices:
        stored.sort()
    sought = (rows - first).astype(np.int64) * near.shape[1] + columns
    positions = np.searchsorted(stored, sought)
    is_stored: NDArray[np.bool_] = stored.take(positions, mode="clip") == sought
    return is_stored


def values_at(matrix: sparse.csr_array, rows: IntArray, columns: IntArray) -> FloatArray:
    """The value at (rows[i], columns[i]), 0 where none is stored: shape of `rows`.

    Searches the entries of rows.min() to rows.max() only, as `has_entries` does.
    """
    if len(rows) == 0:
        return np.zeros(0)
    first, stop = int(rows.min()), int(rows.max()) + 1
    near = matrix[first:stop]
    near.sort_indices()
    stored = np.append(_flat_indexes(near), -1)
    sought = (rows - first).astype(np.int64) * near.shape[1] + columns
    positions = np.searchsorted(stored[:-1], sought)
    values: FloatArray = np.append(near.data, 0.0).take(positions)
    values[stored.take(positions) != sought] = 0.0
    return values


def only_columns(matrix: sparse.csr_array, kept: NDArray[np.bool_]) -> sparse.csr_array:
    """The columns of a matrix for which `kept`, shape (columns,), is true, numbered anew."""
    entries = np.flatnonzero(kept.take(matrix.indices))
    numbers = np.cumsum(kept) - 1
    return sparse.csr_array(
        (
            matrix.data.take(entries),
            numbers.take(matrix.indices.take(entries)),
            np.searchsorted(entries, matrix.indptr),
        ),
        shape=(matrix.shape[0], int(np.count_nonzero(kept))),
    )


def row_norms(matrix: sparse.csr_array) -> FloatArray:
    """The Euclidean norm of each row: shape (rows,). Squares are added from left to right."""
    squares = np.bincount(
        row_of_each_entry(matrix), weights=matrix.data**2, minlength=matrix.shape[0]
    )
    return np.sqrt(squares)


def unit_rows(matrix: sparse.csr_array, norms: FloatArray) -> sparse.csr_array:
    """X: the rows of a matrix divided by their norms, so that X @ X.T holds cosines.

    `norms` has shape (rows,). A row of zeros stays as it is: its cosine with any row is 0.
    """
    scaled = matrix.data / np.repeat(np.where(norms > 0, norms, 1.0), np.diff(matrix.indptr))
    return same_entries(matrix, scaled)


def with_zeros(matrix: sparse.csr_array, pattern: sparse.csr_array) -> sparse.csr_array:
    """The matrix with explicit zeros at the entries of `pattern` that it does not have.

    The entries of the matrix must be among those of the pattern; both have sorted indexes.
    """
    if matrix.nnz == pattern.nnz:
        return matrix
    values = np.zeros(pattern.nnz)
    values[np.searchsorted(_flat_indexes(pattern), _flat_indexes(matrix))] = matrix.data
    return same_entries(pattern, values)


class ModelMatrices:
    """R and the matrices derived from it, for similarities, scores and predicted times.

    interactions: R, users x tracks. pattern: users x tracks, non-zero at every track that a user
    has heard, even where R is 0. norms: of the rows whose cosines are the similarities, shape
    (users,). own_terms: what the user's own listening adds to its score, one value per entry of R,
    which then has an entry, even a 0, wherever it is not 0; None: nothing. centered_by_track: h,
    tracks x users, or None. The others are computed on first use.
    """

    def __init__(
        self,
        interactions: sparse.csr_array,
        heard: sparse.csr_array | None = None,
        centered_by_track: sparse.csr_array | None = None,
        *,
        own_terms: FloatArray | None = None,
        factors: FloatArray | None = None,
    ) -> None:
        """heard: becomes `pattern`; None: a user has heard the tracks where R is not 0.

        factors: of the tracks in similarities, shape (tracks,); None: all are 1.
        """
        self.interactions = interactions
        self.pattern = interactions if heard is None else heard
        self.centered_by_track = centered_by_track
        self.own_terms = own_terms
        self._factors = factors
        self.norms = row_norms(self.compared)

    @classmethod
    def of(
        cls,
        user_index: IntArray,
        track_index: IntArray,
        counted_time: FloatArray,
        shape: tuple[int, int],
        centered_time: FloatArray | None = None,
        *,
        own_terms: FloatArray | None = None,
        factors: FloatArray | None = None,
    ) -> ModelMatrices:
        """From arrays with one entry per user and track heard, even where R is 0.

        counted_time: the values of R. shape: users x tracks. centered_time: h, for
        centered_by_track. own_terms: what each adds to the score of the user. factors: of the
        tracks. Raises ValueError when an index lies outside `shape`.
        """
        own = None
        if own_terms is None:
            interactions = interaction_matrix(user_index, track_index, counted_time, shape)
        else:
            kept = np.flatnonzero((counted_time != 0) | (own_terms != 0))
            places = user_index.take(kept), track_index.take(kept)
            interactions, terms = (
                sparse.csr_array(sparse.coo_array((values.take(kept), places), shape=shape))
                for values in (counted_time, own_terms)
            )
            interactions.sort_indices()
            terms.sort_indices()
            own = terms.data
        by_track = None
        if centered_time is not None:
            by_track = track_rows(user_index, track_index, centered_time, shape)
        ones = np.ones(len(user_index), dtype=np.int8)
        heard = sparse.csr_array((ones, (user_index, track_index)), shape=shape)
        return cls(interactions, heard, by_track, own_terms=own, factors=factors)

    @classmethod
    def from_indexed(
        cls, indexed: Mapping[str, NDArray[Any]], options: ModelOptions, *, predict: bool = True
    ) -> ModelMatrices:
        """From the columns of indexed_interactions, with the options of the model.

        predict: with centered_by_track. centered_time may be missing if nothing needs it.
        """
        users, tracks = indexed["user_index"], indexed["track_index"]
        shape = (int(users.max()) + 1, int(tracks.max()) + 1)
        centered = indexed.get("centered_time")
        return cls.of(
            users,
            tracks,
            indexed["counted_time"],
            shape,
            centered if predict else None,
            own_terms=None if centered is None else own_terms_of(centered, options.own_liking),
            factors=track_factors(np.bincount(tracks, minlength=shape[1]), options.track_exponent),
        )

    @cached_property
    def compared(self) -> sparse.csr_array:
        """R with its columns multiplied by the factors of the tracks; R itself without any."""
        if self._factors is None:
            return self.interactions
        factors = self._factors.take(self.interactions.indices)
        return same_entries(self.interactions, self.interactions.data * factors)

    @cached_property
    def unit(self) -> sparse.csr_array:
        """X, the rows of `compared` divided by their norms, users x tracks."""
        return unit_rows(self.compared, self.norms)

    def forget_similarities(self) -> None:
        """Frees what similarities are computed from once all are known; computed anew on use.

        Predicted times need similarities to the end: with centered_by_track nothing is freed.
        """
        if self.centered_by_track is None:
            for name in FOR_SIMILARITIES:
                vars(self).pop(name, None)

    @cached_property
    def own_scores(self) -> sparse.csr_array | None:
        """`own_terms` as a matrix, users x tracks."""
        if self.own_terms is None:
            return None
        return same_entries(self.interactions, self.own_terms)

    @cached_property
    def transposed(self) -> ModelMatrices:
        """The same with tracks in the place of users, and users in that of tracks."""
        centered = self.centered_by_track
        return ModelMatrices(
            self.by_track,
            sparse.csr_array(self.pattern.T.tocsr()),
            None if centered is None else sparse.csr_array(centered.T.tocsr()),
        )

    @cached_property
    def unit_by_track(self) -> sparse.csr_array:
        """X transposed, tracks x users."""
        return sparse.csr_array(self.unit.T.tocsr())

    @cached_property
    def by_track(self) -> sparse.csr_array:
        """R transposed, tracks x users."""
        return sparse.csr_array(self.interactions.T.tocsr())

    @cached_property
    def compared_by_track(self) -> sparse.csr_array:
        """`compared` transposed, tracks x users."""
        if self.compared is self.interactions:
            return self.by_track
        return sparse.csr_array(self.compared.T.tocsr())

    @cached_property
    def unit_where_heard(self) -> MatrixAndTranspose:
        """X and X transposed, with explicit zeros so that every track heard has an entry."""
        unit = with_zeros(self.unit, self.pattern)
        return unit, self.unit_by_track if unit is self.unit else sparse.csr_array(unit.T.tocsr())

    @cached_property
    def compared_where_heard(self) -> MatrixAndTranspose:
        """`compared` and its transpose, with an entry, even a 0, for every track heard."""
        compared = with_zeros(self.compared, self.pattern)
        if compared is self.compared:
            return compared, self.compared_by_track
        return compared, sparse.csr_array(compared.T.tocsr())

    @cached_property
    def heard(self) -> sparse.csr_array:
        """1 at every track that a user has heard, users x tracks."""
        ones = np.ones(self.pattern.nnz)
        return sparse.csr_array(
            (ones, self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape
        )

    @cached_property
    def heard_by_track(self) -> sparse.csr_array:
        """`heard` transposed, tracks x users."""
        return sparse.csr_array(self.heard.T.tocsr())

    @cached_property
    def squares(self) -> sparse.csr_array:
        """The squares of `compared`, users x tracks."""
        return sparse.csr_array(self.compared.power(2))

    @cached_property
    def squares_by_track(self) -> sparse.csr_array:
        """The squares of `compared` transposed, tracks x users."""
        return sparse.csr_array(self.compared_by_track.power(2))


@dataclass(frozen=True)
class UserPaths:
    """Counts of the paths from each user to other users, and on to tracks: shape (users,).

    to_users: paths user - track - listener. to_tracks: paths user - track - listener - track.
    similarities, scores: upper bounds of the entries of each user's similarity and score row, which
    are the distinct ends of these paths.
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
