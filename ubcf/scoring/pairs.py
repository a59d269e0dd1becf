"""Scores of single pairs of a user and a track, where no list is wanted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import FloatArray, IntArray, row_of_each_entry
from ubcf.scoring.neighborhood import Neighborhood, UserMatrices, weights
from ubcf.scoring.parallel import do_all

# Users whose weights a thread holds densely at once, and weights that all threads hold at most.
USERS_AT_ONCE = 64
WEIGHTS_AT_ONCE = 1 << 24

# Listeners of pairs that a thread looks at together.
LISTENERS_AT_ONCE = 1 << 20


def score_pairs(
    matrices: UserMatrices,
    neighborhood: Neighborhood,
    users: IntArray,
    tracks: IntArray,
    *,
    self_weight: float,
    threads: int = 1,
    compiled: bool = False,
) -> FloatArray:
    """score(u, t) = sum over v of w(u, v) h(v, t), for pairs given by ascending user: (pairs,).

    w(u, u) is the self weight. The sum goes over those who heard the track, by ascending user.
    compiled: numba, which has to be installed, may do the work.
    """
    scores = np.zeros(len(users))
    by_track = matrices.by_track

    def score(pairs: slice) -> None:
        asked = np.unique(users[pairs]).astype(np.int64)
        dense = weights(matrices, neighborhood, asked, compiled=compiled).toarray()
        dense[np.arange(len(asked)), asked] = self_weight
        places = np.arange(pairs.start, pairs.stop)
        for part in by_listeners(np.diff(by_track.indptr).take(tracks[pairs])):
            these = places[part]
            times = sparse.csr_array(by_track[tracks[these]])
            pair = row_of_each_entry(times)
            row = np.searchsorted(asked, users[these]).take(pair)
            terms = dense[row, times.indices] * times.data
            scores[these] = np.bincount(pair, terms, minlength=len(these))

    by_users(score, users, len(matrices.norms), threads)
    return scores


def by_users(work: Callable[[slice], None], users: IntArray, all_users: int, threads: int) -> None:
    """Does the work for the pairs of a few users at a time, on so many threads.

    users: of each pair, ascending.
    """
    _, starts = np.unique(users, return_index=True)
    at_once = max(min(USERS_AT_ONCE, WEIGHTS_AT_ONCE // (threads * all_users)), 1)
    parts = [slice(*ends) for ends in pairwise([*starts[::at_once], len(users)])]
    # The first part is worked on alone: it makes the matrices that all share.
    for part in parts if threads == 1 else parts[:1]:
        work(part)
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            do_all(pool, work, parts[1:])


def by_listeners(listeners: IntArray) -> list[IntArray]:
    """Places of pairs whose tracks have so many listeners, in parts that are looked at together."""
    edges = np.cumsum(listeners) // LISTENERS_AT_ONCE
    return np.split(np.arange(len(listeners)), np.flatnonzero(np.diff(edges)) + 1)
