"""Cosine similarity between users, a block of users at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.matrices import entries_by_row, row_of_each_entry

# A cosine of unit vectors carries rounding noise of a few 1e-16 a common track: what is under this
# is a zero that did not cancel, and its sign must not make anybody a neighbor.
SIMILARITY_NOISE = 1e-12


def similarity_block(
    unit: sparse.csr_array, unit_by_track: sparse.csr_array, users: NDArray[np.int64]
) -> sparse.csr_array:
    """Cosine similarities w(u, v) of some users with all users, self left out.

    `unit` is X (users x tracks, rows of length 1 or empty), `unit_by_track` its transpose as CSR.
    Returns len(users) x all users, without stored zeros. Magnitudes under 1e-12 are zeros.
    """
    block = sparse.csr_array(unit[users] @ unit_by_track)
    is_self = block.indices == users.take(row_of_each_entry(block))
    block.data[is_self | (np.abs(block.data) < SIMILARITY_NOISE)] = 0.0
    block.eliminate_zeros()
    return block


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
