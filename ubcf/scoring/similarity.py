"""Similarities between users, and the weights of neighbors, for a block of users at a time.

A similarity is a cosine. The options of the neighborhood make it a weight: they shrink it, set
minima, and keep only the nearest users.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.matrices import (
    Indexes,
    IntArray,
    ModelMatrices,
    Rows,
    entries_by_row,
    row_of_each_entry,
    same_entries,
    values_at,
)
from ubcf.scoring.options import Neighborhood
from ubcf.scoring.ranking import top_positive
from ubcf.scoring.tolerances import SIMILARITY_NOISE

if TYPE_CHECKING:
    from ubcf.scoring.kernels.similarity import WeightInputs

# Pairs of users whose tracks are compared at a time: few, so that the tracks stay in the cache.
PAIRS_AT_ONCE = 1 << 12


def similarity_block(
    unit: sparse.csr_array, unit_by_track: sparse.csr_array, users: NDArray[np.int64]
) -> sparse.csr_array:
    """Cosine similarities w(u, v) of some users with all other users: rows of X X'.

    unit: X, users x tracks, rows of length 1 or empty. unit_by_track: its transpose as CSR.
    Returns len(users) x all users, without stored zeros. Magnitudes below SIMILARITY_NOISE are 0.
    """
    return without_self(sparse.csr_array(unit[users] @ unit_by_track), users)


def without_self(block: sparse.csr_array, users: NDArray[np.int64]) -> sparse.csr_array:
    """Removes the similarities of the users with themselves, and noise; changes the block in place.

    block: len(users) x all users. Magnitudes below SIMILARITY_NOISE are noise.
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
    """The number of tracks that users[i] and others[i] have both heard: shape of `users`.

    heard: users x tracks, with an entry, not 0, for each track of a user. compiled: use the kernel;
    numba must be installed.
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
    """The number of users with w > 0 and with w < 0, of each user: shape (rows,)."""

    positive: NDArray[np.int64]
    negative: NDArray[np.int64]


def count_neighbors(similarity: sparse.csr_array) -> NeighborCounts:
    """Counts the positive and negative entries of each row of a similarity block."""
    return NeighborCounts(
        positive=entries_by_row(similarity, np.flatnonzero(similarity.data > 0)),
        negative=entries_by_row(similarity, np.flatnonzero(similarity.data < 0)),
    )


def weights(
    matrices: ModelMatrices, neighborhood: Neighborhood, users: Indexes, *, compiled: bool = False
) -> sparse.csr_array:
    """The weights w(u, v) of all users v for some users u, as the neighborhood defines them.

    A similarity from n common tracks is multiplied by n / (n + shrinkage) (Koren, 2010, section
    2.2). Returns len(users) x all users, without stored zeros. compiled: use the kernels; numba
    must be installed.
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
    return block if neighborhood.neighbors is None else nearest(block, neighborhood.neighbors)


def nearest(block: sparse.csr_array, count: int) -> sparse.csr_array:
    """The `count` greatest weights above 0 of each row; of equal ones, the smaller columns."""
    found = top_positive(block, count)
    return sparse.csr_array((found.values, (found.rows, found.columns)), shape=block.shape)


def greatest_in_magnitude(block: sparse.csr_array, count: int) -> sparse.csr_array:
    """The `count` weights of each row with the greatest magnitudes; of equal ones, as `nearest`."""
    chosen = nearest(abs(block), count)
    rows = row_of_each_entry(chosen)
    return same_entries(chosen, values_at(block, rows, chosen.indices))


def overlap_similarity_block(matrices: ModelMatrices, users: Indexes) -> sparse.csr_array:
    """Cosines over the tracks in common of some users with all other users.

    w(u, v) = sum of h(u, t) h(v, t) / sqrt(sum of h(u, t)^2 * sum of h(v, t)^2), all over the
    tracks t that both have heard (Herlocker et al., 1999). Returns len(users) x all users, without
    stored zeros. Magnitudes below SIMILARITY_NOISE are 0.
    """
    products = matrices.compared[users] @ matrices.compared_by_track
    user_squares = matrices.squares[users] @ matrices.heard_by_track
    lengths = user_squares.multiply(matrices.heard[users] @ matrices.squares_by_track)
    lengths.eliminate_zeros()
    lengths.data = 1 / np.sqrt(lengths.data)
    return without_self(sparse.csr_array(products.multiply(lengths)), users)


def weight_inputs(matrices: ModelMatrices, neighborhood: Neighborhood) -> WeightInputs:
    """The matrices and options of the kernels that compute weights; numba must be installed."""
    from ubcf.scoring.kernels.selection import unsigned
    from ubcf.scoring.kernels.similarity import WeightInputs, WeightOptions

    if neighborhood.overlap:
        matrix, by_track = matrices.compared_where_heard
    elif neighborhood.counts_common:
        matrix, by_track = matrices.unit_where_heard
    else:
        matrix, by_track = matrices.unit, matrices.unit_by_track
    min_similarity = neighborhood.min_similarity
    most_tracks = int(np.diff(matrix.indptr).max(initial=0))
    options = WeightOptions(
        overlap=neighborhood.overlap,
        counts_common=neighborhood.counts_common,
        shrinkage=float(neighborhood.shrinkage),
        min_common=float(neighborhood.min_common),
        counter=np.empty(0, dtype=np.promote_types(np.uint16, np.min_scalar_type(most_tracks))),
        min_similarity=-np.inf if min_similarity is None else float(min_similarity),
    )
    listeners = Rows(by_track.indptr, unsigned(by_track.indices), by_track.data)
    return WeightInputs(Rows.of(matrix), listeners, options)


def nearest_weights(
    matrices: ModelMatrices, neighborhood: Neighborhood, users: Indexes
) -> tuple[sparse.csr_array, IntArray]:
    """The same weights by kernels, and the rank of each among those of its user, from 0.

    Returns len(users) x all users, and ranks of shape (nnz,). When the neighborhood takes all
    users, all weights are returned, without ranks: an empty array. numba must be installed.
    """
    from ubcf.scoring.kernels.similarity import nearest_rows

    all_users = len(matrices.norms)
    found, ranks = nearest_rows(
        users, weight_inputs(matrices, neighborhood), min(neighborhood.neighbors or 0, all_users)
    )
    return found.to_matrix(all_users), ranks


def score_block(
    weights: sparse.csr_array, matrices: ModelMatrices, users: Indexes
) -> sparse.csr_array:
    """score(u, t) = sum over v of w(u, v) R(v, t), plus the own term, for some users.

    weights: w, len(users) x all users. Returns len(users) x tracks.
    """
    scores = weights @ matrices.interactions
    if matrices.own_scores is not None:
        scores = scores + matrices.own_scores[users]
    return sparse.csr_array(scores)
