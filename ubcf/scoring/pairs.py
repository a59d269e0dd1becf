"""Scores of single pairs of a user and a track, where no list is wanted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import (
    FloatArray,
    Indexes,
    IntArray,
    ModelMatrices,
    entries_by_row,
    row_of_each_entry,
)
from ubcf.scoring.options import Neighborhood
from ubcf.scoring.parallel import do_all
from ubcf.scoring.ranking import top_positive
from ubcf.scoring.similarity import weight_inputs, weights
from ubcf.scoring.tolerances import SMALLEST

# Users whose weights a thread holds densely at once, and weights that all threads hold at most.
USERS_AT_ONCE = 64

WEIGHTS_AT_ONCE = 1 << 24

# Listeners of pairs that a thread looks at together.
LISTENERS_AT_ONCE = 1 << 20


def score_pairs(
    matrices: ModelMatrices,
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


@dataclass(frozen=True)
class Deviations:
    """How far the neighbors take a predicted time from the center of the pair: shape (pairs,).

    deviation: sum(w h) / (sum |w| + damping) over the neighbors who heard the track, 0 without any.
    support: how many they are.
    """

    deviation: FloatArray
    support: Indexes


def predict_deviations(
    matrices: ModelMatrices,
    neighborhood: Neighborhood,
    users: IntArray,
    tracks: IntArray,
    *,
    damping: float,
    threads: int = 1,
    compiled: bool = False,
) -> Deviations:
    """The deviations that neighbors predict for pairs of a user and a track, by ascending user.

    matrices: with centered_by_track. With neighbors=K, the K most similar of those who heard the
    track count, and only those with a weight above 0; a user is never its own neighbor.
    compiled: by numba, which has to be installed.
    Raises ValueError without centered_by_track.
    """
    centered = matrices.centered_by_track
    if centered is None:
        raise ValueError("predictions need matrices with centered_by_track")
    deviation, support = np.zeros(len(users)), np.zeros(len(users), dtype=np.int64)
    if compiled:
        inputs = weight_inputs(matrices, neighborhood)
        of_pairs = partial(_deviations_by_kernels, inputs, centered, neighborhood.neighbors)
    else:
        of_pairs = partial(_deviations_by_scipy, matrices, centered, neighborhood)

    def predict(pairs: slice) -> None:
        deviation[pairs], support[pairs] = of_pairs(users[pairs], tracks[pairs], damping)

    by_users(predict, users, len(matrices.norms), threads)
    return Deviations(deviation, support)


def _deviations_by_scipy(
    matrices: ModelMatrices,
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


def _deviations_by_kernels(
    inputs: tuple[Any, Any, Any],
    centered: sparse.csr_array,
    neighbors: int | None,
    users: IntArray,
    tracks: IntArray,
    damping: float,
) -> tuple[FloatArray, Indexes]:
    """The same by numba. inputs: of the weights, as `weight_inputs` returns them."""
    from ubcf.scoring.kernels.pairs import predict_pairs
    from ubcf.scoring.kernels.selection import unsigned

    deviation, support = np.zeros(len(users)), np.zeros(len(users), dtype=np.int64)
    predict_pairs(
        users,
        tracks,
        *inputs,
        (centered.indptr, unsigned(centered.indices), centered.data),
        neighbors or 0,
        damping,
        deviation,
        support,
    )
    return deviation, support
