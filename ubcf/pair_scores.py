"""Scores of single pairs of a user and a track, where no list is wanted."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ubcf.matrices import FloatArray, IntArray, row_of_each_entry
from ubcf.neighborhood import Neighborhood, UserMatrices, weights

# Users whose weights are held densely at once.
USERS_AT_ONCE = 64


def score_pairs(
    matrices: UserMatrices,
    neighborhood: Neighborhood,
    users: IntArray,
    tracks: IntArray,
    *,
    self_weight: float,
) -> FloatArray:
    """score(u, t) = sum over v of w(u, v) h(v, t), for pairs given by ascending user: (pairs,).

    w(u, u) is the self weight. The sum goes over those who heard the track, by ascending user.
    """
    scores = np.zeros(len(users))
    asked = np.unique(users).astype(np.int64)
    for first in range(0, len(asked), USERS_AT_ONCE):
        block = asked[first : first + USERS_AT_ONCE]
        dense = weights(matrices, neighborhood, block).toarray()
        dense[np.arange(len(block)), block] = self_weight
        start, stop = np.searchsorted(users, [block[0], block[-1] + 1])
        times = sparse.csr_array(matrices.by_track[tracks[start:stop]])
        pair = row_of_each_entry(times)
        row = np.searchsorted(block, users[start:stop]).take(pair)
        terms = dense[row, times.indices] * times.data
        scores[start:stop] = np.bincount(pair, terms, minlength=stop - start)
    return scores
