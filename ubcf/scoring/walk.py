"""The weights of a walk: users reached through users.

S(u, v) are the similarities of the k nearest neighbors of each user, those that the neighborhood
keeps, and P(u, v) = S(u, v) / sum over v of S(u, v): the step from u to one of its neighbors, at
random. A user without neighbors has an empty row.

    w_1     = P, of which each row keeps its R greatest entries
    w_(j+1) = w_j P, of which each row keeps its R greatest entries
    w       = w_STEPS

A row that was cut is not divided again, so a row of w sums to at most 1. The walk may return to
the user itself: w(u, u) is one of the R. Entries are kept as everywhere: the greatest first, of
those in an equality chain the smaller user index. Entries below SIMILARITY_NOISE are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import (
    FloatArray,
    Indexes,
    Int32Array,
    ModelMatrices,
    Rows,
    only_entries,
    row_of_each_entry,
    same_entries,
)
from ubcf.scoring.options import Neighborhood, Walk
from ubcf.scoring.parallel import in_turn
from ubcf.scoring.ridge import RidgeWeights
from ubcf.scoring.similarity import nearest, weights
from ubcf.scoring.tolerances import SIMILARITY_NOISE

# The weights w(u, v) of all users v for some users u: len(users) x all users.
WeightsOf = Callable[[Indexes], sparse.csr_array]

# Users whose weights are computed at a time, outside of a build.
USERS_AT_ONCE = 512


def row_sums(matrix: sparse.csr_array) -> FloatArray:
    """The sum of each row, added from left to right; 1 for an empty row: shape (rows,)."""
    sums = np.bincount(row_of_each_entry(matrix), weights=matrix.data, minlength=matrix.shape[0])
    return np.where(sums > 0, sums, 1.0)


def first_step(similarity: sparse.csr_array, walk: Walk) -> sparse.csr_array:
    """w_1 of some users from their rows of S: len(users) x all users."""
    shares = similarity.data / row_sums(similarity).take(row_of_each_entry(similarity))
    return _cut(same_entries(similarity, shares), walk.reach)


def next_step(
    reached: sparse.csr_array, similarity: sparse.csr_array, sums: FloatArray, walk: Walk
) -> sparse.csr_array:
    """w_(j+1) = w_j P of some users from w_j.

    reached: w_j, len(users) x rows of `similarity`. similarity: rows of S. sums: of these rows.
    """
    shares = reached.data / sums.take(reached.indices)
    return _cut(sparse.csr_array(same_entries(reached, shares) @ similarity), walk.reach)


def _cut(reached: sparse.csr_array, reach: int) -> sparse.csr_array:
    """The `reach` greatest entries of each row, without noise."""
    kept = np.flatnonzero(reached.data >= SIMILARITY_NOISE)
    return nearest(only_entries(reached, kept), reach)


def walk_few(
    similarity: sparse.csr_array, similarity_of: WeightsOf, walk: Walk
) -> sparse.csr_array:
    """w of a few users, from the rows of S of the users that they reach.

    similarity: rows of S of these users. similarity_of: rows of S of any others, asked for when a
    step needs them. Returns len(users) x all users.
    """
    reached = first_step(similarity, walk)
    for _ in range(1, walk.steps):
        users = np.unique(reached.indices).astype(np.int64)
        columns = np.searchsorted(users, reached.indices)
        narrow = sparse.csr_array(
            (reached.data, columns, reached.indptr), shape=(reached.shape[0], len(users))
        )
        rows = similarity_of(users)
        reached = next_step(narrow, rows, row_sums(rows), walk)
    return reached


def similarity_rows(
    matrices: ModelMatrices,
    neighborhood: Neighborhood,
    blocks: Sequence[tuple[int, int]],
    pool: ThreadPoolExecutor,
    *,
    at_once: int,
    compiled: bool,
    advance: Callable[[int], None] = lambda _users: None,
) -> sparse.csr_array:
    """The rows of S of some consecutive users, computed on the threads of the pool.

    blocks: ranges (start, stop) of the users, in order. at_once: blocks in the pool. advance:
    called with the number of users done since the last call. Returns users of the blocks x all
    users, whatever the blocks.
    """
    users = len(matrices.norms)
    first, count = (blocks[0][0], blocks[-1][1] - blocks[0][0]) if blocks else (0, 0)
    most = min(neighborhood.neighbors or users, users)
    columns: Int32Array = np.empty(count * most, dtype=np.int32)
    values = np.empty(count * most)
    starts = np.zeros(count + 1, dtype=np.int64)

    def work(block: tuple[int, int]) -> tuple[int, sparse.csr_array]:
        start, stop = block
        rows = weights(matrices, neighborhood, np.arange(start, stop), compiled=compiled)
        return start - first, rows

    for start, rows in in_turn(pool, work, blocks, at_once):
        stop = start + rows.shape[0]
        starts[start + 1 : stop + 1] = starts[start] + rows.indptr[1:]
        filled = slice(starts[start], starts[stop])
        columns[filled], values[filled] = rows.indices, rows.data
        advance(stop - start)
    return Rows(starts, columns[: starts[-1]], values[: starts[-1]]).to_matrix(users)


@dataclass(frozen=True)
class NeighborGraph:
    """S, the similarities of the nearest neighbors of all users, and the walks on it.

    similarity: S, users x users, at most k entries a row. compiled: walk by kernels; numba must be
    installed.
    """

    similarity: sparse.csr_array
    walk: Walk
    compiled: bool

    @cached_property
    def sums(self) -> FloatArray:
        """The sum of each row of S, by which it is divided to P: shape (users,)."""
        return row_sums(self.similarity)

    def weights(self, users: Indexes) -> sparse.csr_array:
        """w of some users: len(users) x all users."""
        if self.compiled:
            return self._weights_by_kernels(users)
        reached = first_step(self.similarity[users], self.walk)
        for _ in range(1, self.walk.steps):
            reached = next_step(reached, self.similarity, self.sums, self.walk)
        return reached

    def _weights_by_kernels(self, users: Indexes) -> sparse.csr_array:
        """The same by kernels."""
        from ubcf.scoring.kernels.selection import unsigned
        from ubcf.scoring.kernels.walk import walk_rows

        similarity = Rows.of(self.similarity)
        similarity = similarity._replace(columns=unsigned(similarity.columns))
        found = walk_rows(users, similarity, self.sums, self.walk.steps, self.walk.reach)
        return found.to_matrix(self.similarity.shape[1])


def weights_function(
    matrices: ModelMatrices,
    neighborhood: Neighborhood,
    walk: Walk | None,
    ridge: float | None = None,
    *,
    threads: int = 1,
    compiled: bool = False,
) -> WeightsOf:
    """What computes the weights of a model: those of the neighborhood, of a walk, or of a ridge.

    ridge: lambda. compiled: use the kernels; numba must be installed.
    """
    if ridge is not None:
        with ThreadPoolExecutor(threads) as pool:
            found = RidgeWeights(matrices.interactions, matrices.by_track, ridge, pool)
        return lambda users: sparse.csr_array(found.columns(users).T)
    if walk is None:
        return lambda users: weights(matrices, neighborhood, users, compiled=compiled)
    count = len(matrices.norms)
    blocks = [
        (start, min(start + USERS_AT_ONCE, count)) for start in range(0, count, USERS_AT_ONCE)
    ]
    with ThreadPoolExecutor(threads) as pool:
        similarity = similarity_rows(
            matrices, neighborhood, blocks, pool, at_once=2 * threads, compiled=compiled
        )
    return NeighborGraph(similarity, walk, compiled).weights
