"""Predicted times: what a user would listen to of a track, by the neighbors who heard it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import FloatArray, IntArray, entries_by_row
from ubcf.scoring.neighborhood import Neighborhood, UserMatrices, weights
from ubcf.scoring.pairs import by_listeners, by_users
from ubcf.scoring.ranking import Indexes, top_positive

# Keeps a division by nothing at 0: without a neighbor, and without damping.
SMALLEST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Deviations:
    """How far the neighbors take a predicted time from the center of the pair: shape (pairs,).

    deviation: sum(w h) / (sum |w| + damping) over the neighbors who heard the track, 0 without any.
    support: how many they are.
    """

    deviation: FloatArray
    support: Indexes


def predict_deviations(
    matrices: UserMatrices,
    centered: sparse.csr_array,
    neighborhood: Neighborhood,
    users: IntArray,
    tracks: IntArray,
    *,
    damping: float,
    threads: int = 1,
    compiled: bool = False,
) -> Deviations:
    """What the neighbors say of pairs of a user and a track, given by ascending user.

    matrices: what similarities are made of. centered: h by track, tracks x users; every user who
    heard a track has an entry, also where h is 0. With neighbors=K, the K most similar of those who
    heard the track count, and only those with a weight above 0; a user is never its own neighbor.
    compiled: by numba, which has to be installed.
    """
    deviation, support = np.zeros(len(users)), np.zeros(len(users), dtype=np.int64)
    if compiled:
        from ubcf.scoring.kernels.pairs import deviations_of
        from ubcf.scoring.kernels.similarity import weighed

        terms = weighed(matrices, neighborhood)
        of_pairs = partial(deviations_of, terms, centered, neighborhood.neighbors)
    else:
        of_pairs = partial(_deviations_of, matrices, centered, neighborhood)

    def predict(pairs: slice) -> None:
        deviation[pairs], support[pairs] = of_pairs(users[pairs], tracks[pairs], damping)

    by_users(predict, users, len(matrices.norms), threads)
    return Deviations(deviation, support)


def _deviations_of(
    matrices: UserMatrices,
    centered: sparse.csr_array,
    neighborhood: Neighborhood,
    users: IntArray,
    tracks: IntArray,
    damping: float,
) -> tuple[FloatArray, Indexes]:
    """Deviation and support of the pairs of a few users."""
    deviation, support = np.zeros(len(users)), np.zeros(len(users), dtype=np.int64)
    asked: Indexes = np.unique(users).astype(np.int64)
    dense = weights(matrices, replace(neighborhood, neighbors=None), asked).toarray()
    for part in by_listeners(np.diff(centered.indptr).take(tracks)):
        times = sparse.csr_array(centered[tracks[part]])
        row = np.repeat(np.searchsorted(asked, users[part]), np.diff(times.indptr))
        counted = sparse.csr_array(
            (dense[row, times.indices], times.indices, times.indptr), shape=times.shape
        )
        if neighborhood.neighbors is not None:
            nearest = top_positive(counted, neighborhood.neighbors)
            counted = sparse.csr_array(
                (nearest.values, (nearest.rows, nearest.columns)), shape=times.shape
            )
        ones = np.ones(times.shape[1])
        total = counted.multiply(times) @ ones
        deviation[part] = total / np.maximum(abs(counted) @ ones + damping, SMALLEST)
        support[part] = entries_by_row(counted, np.flatnonzero(counted.data))
    return deviation, support
