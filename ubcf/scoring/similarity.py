"""Cosine similarity between users, a block of users at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.matrices import entries_by_row, row_of_each_entry

# A cosine of unit vectors carries rounding noise of a few 1e-16 a common track: what is under this
# is a zero that did not cancel, and its sign must not make anybody a neighbor.
SIMILARITY_NOISE = 1e-12

# Pairs of users whose tracks are compared at once: few, so that their tracks stay in the cache.
PAIRS_AT_ONCE = 1 << 12


def similarity_block(
    unit: sparse.csr_array, unit_by_track: sparse.csr_array, users: NDArray[np.int64]
) -> sparse.csr_array:
    """Cosine similarities w(u, v) of some users with all users, self left out.

    `unit` is X (users x tracks, rows of length 1 or empty), `unit_by_track` its transpose as CSR.
    Returns len(users) x all users, without stored zeros. Magnitudes under 1e-12 are zeros.
    """
    return without_self(sparse.csr_array(unit[users] @ unit_by_track), users)


def without_self(block: sparse.csr_array, users: NDArray[np.int64]) -> sparse.csr_array:
    """Similarities of some users with all, changed in place: without themselves and zeros.

    A magnitude under 1e-12 is a zero.
    """
    is_self = block.indices == users.take(row_of_each_entry(block))
    block.data[is_self | (np.abs(block.data) < SIMILARITY_NOISE)] = 0.0
    block.eliminate_zeros()
    return block


def count_common(
    heard: sparse.csr_array,
    users: NDArray[np.int64],
    others: NDArray[np.int64],
    *,
    compiled: bool = False,
) -> NDArray[np.int64]:
    """The tracks that both users of each pair have heard: shape (pairs,).

    `heard` is users x tracks: its entries, none of them 0, are the tracks of a user. The pairs are
    those of users and others, entry by entry. compiled: numba, which has to be installed, does it.
    """
    if compiled:
        from ubcf.scoring.kernels import similarity as compiled_neighbors

        common = np.empty(len(users), dtype=np.int64)
        compiled_neighbors.count_common(
            heard.indptr, heard.indices, heard.shape[1], users, others, common
        )
        return common
    counts = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(users), PAIRS_AT_ONCE):
        pairs = slice(start, start + PAIRS_AT_ONCE)
        common = heard[users[pairs]].multiply(heard[others[pairs]])
        counts.append(np.diff(common.tocsr().indptr).astype(np.int64))
    return np.concatenate(counts)


@dataclass(frozen=True)
class NeighborCounts:
    """How many users are similar (w > 0) and opposed (w < 0) to each user: shape (rows,)."""

    positive: NDArray[np.int64]
    negative: NDArray[np.int64]


def count_neighbors(similarity: sparse.csr_array) -> NeighborCounts:
    """The positive and negative neighbors of each row of a similarity block (self left out)."""
    return NeighborCounts(
        positive=entries_by_row(similarity, np.flatnonzero(similarity.data > 0)),
        negative=entries_by_row(similarity, np.flatnonzero(similarity.data < 0)),
    )
