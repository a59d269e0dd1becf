"""Cosine similarity between users, a block of users at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.matrices import (
    Indexes,
    IntArray,
    ModelMatrices,
    entries_by_row,
    row_of_each_entry,
)
from ubcf.scoring.options import Neighborhood
from ubcf.scoring.ranking import top_positive
from ubcf.scoring.tolerances import SIMILARITY_NOISE

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
        from ubcf.scoring.kernels import similarity as kernels

        common = np.empty(len(users), dtype=np.int64)
        kernels.count_common(heard.indptr, heard.indices, heard.shape[1], users, others, common)
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


def weights(
    matrices: ModelMatrices, neighborhood: Neighborhood, users: Indexes, *, compiled: bool = False
) -> sparse.csr_array:
    """How much all users count for some: len(users) x all users, without stored zeros.

    compiled: numba, which has to be installed, may do the work.
    """
    if compiled:
        return nearest_weights(matrices, neighborhood, users)[0]
    if neighborhood.overlap:
        block = overlap_similarity_block(matrices, users)
    else:
        block = similarity_block(matrices.unit, matrices.unit_by_track, users)
    if neighborhood.counts_common:
        common = sparse.csr_array(matrices.heard[users] @ matrices.heard_by_track)
        shrunk = common.data / (common.data + neighborhood.shrinkage)
        common.data = np.where(common.data >= neighborhood.min_common, shrunk, 0.0)
        block = sparse.csr_array(block.multiply(common))
    if neighborhood.min_similarity is not None:
        block.data[block.data < neighborhood.min_similarity] = 0.0
    block.eliminate_zeros()
    return block if neighborhood.neighbors is None else _nearest(block, neighborhood.neighbors)


def _nearest(block: sparse.csr_array, count: int) -> sparse.csr_array:
    """The `count` greatest weights above 0 of each row, the smaller index first among equals."""
    nearest = top_positive(block, count)
    return sparse.csr_array((nearest.values, (nearest.rows, nearest.columns)), shape=block.shape)


def overlap_similarity_block(matrices: ModelMatrices, users: Indexes) -> sparse.csr_array:
    """Cosines over the tracks in common of some users with all users, self left out.

    w(u, v) = sum of h(u, t) h(v, t) / sqrt(sum of h(u, t)^2 * sum of h(v, t)^2), all over the
    tracks that both have heard (Herlocker et al., 1999). Returns len(users) x all users, without
    stored zeros; magnitudes under 1e-12 are zeros.
    """
    products = matrices.interactions[users] @ matrices.by_track
    own = matrices.squares[users] @ matrices.heard_by_track
    lengths = own.multiply(matrices.heard[users] @ matrices.squares_by_track)
    lengths.eliminate_zeros()
    lengths.data = 1 / np.sqrt(lengths.data)
    return without_self(sparse.csr_array(products.multiply(lengths)), users)


def weight_inputs(matrices: ModelMatrices, neighborhood: Neighborhood) -> tuple[Any, Any, Any]:
    """The inputs of the kernel `weights_of_user`, apart from the number of neighbors."""
    from ubcf.scoring.kernels.selection import unsigned

    if neighborhood.overlap:
        own, by_track = matrices.times_where_heard
    elif neighborhood.counts_common:
        own, by_track = matrices.unit_where_heard
    else:
        own, by_track = matrices.unit, matrices.unit_by_track
    least = neighborhood.min_similarity
    most_tracks = int(np.diff(own.indptr).max(initial=0))
    options = (
        neighborhood.overlap,
        neighborhood.counts_common,
        float(neighborhood.shrinkage),
        float(neighborhood.min_common),
        # of the type that tracks in common are counted in: a small one stays in the cache
        np.empty(0, dtype=np.promote_types(np.uint16, np.min_scalar_type(most_tracks))),
        -np.inf if least is None else float(least),
    )
    return (
        (own.indptr, own.indices, own.data),
        (by_track.indptr, unsigned(by_track.indices), by_track.data),
        options,
    )


def nearest_weights(
    matrices: ModelMatrices, neighborhood: Neighborhood, users: Indexes
) -> tuple[sparse.csr_array, IntArray]:
    """Weights of some users by numba, and the rank of each among those of its user, from 0.

    Returns len(users) x all users, and an array with an entry for each stored weight. Without a
    number of neighbors all weights are kept, and the array of ranks is empty.
    """
    from ubcf.scoring.kernels.similarity import nearest_rows

    all_users = len(matrices.norms)
    starts, columns, values, ranks = nearest_rows(
        users,
        *weight_inputs(matrices, neighborhood),
        min(neighborhood.neighbors or 0, all_users),
    )
    shape = (len(users), all_users)
    return sparse.csr_array((values, columns, starts), shape=shape), ranks


def score_block(
    similarity: sparse.csr_array, interactions: sparse.csr_array, users: Indexes, self_weight: float
) -> sparse.csr_array:
    """score(u, t) = sum over v of w(u, v) * h(v, t) for the users of a similarity block.

    `similarity` is block x users, `interactions` is R (users x tracks); returns block x tracks.
    self_weight: what stands for w(u, u).
    """
    scores = similarity @ interactions
    if self_weight:
        scores = scores + self_weight * interactions[users]
    return sparse.csr_array(scores)
