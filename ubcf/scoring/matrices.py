"""Sparse matrices of the model: interactions, their row norms, their rows at unit length.

Nothing here knows a database, a file or an option; users and tracks are dense indexes from 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

# Rounding noise of what an interaction counts: under this it is 0.
COUNTED_TIME_NOISE = 1e-9

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
