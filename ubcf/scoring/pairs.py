"""Scores and predicted times of single pairs of a user and a track."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.matrices import (
    FloatArray,
    Indexes,
    IntArray,
    ModelMatrices,
    Rows,
    entries_by_row,
    row_of_each_entry,
    values_at,
)
from ubcf.scoring.options import Neighborhood
from ubcf.scoring.parallel import do_all
from ubcf.scoring.ranking import top_positive
from ubcf.scoring.similarity import weight_inputs, weights
from ubcf.scoring.tolerances import EQUALITY_GAP, OWN_TERM_ROUNDING, SMALLEST_DIVISOR
from ubcf.scoring.walk import WeightsOf

if TYPE_CHECKING:
    from ubcf.scoring.kernels.similarity import WeightInputs

# A thread holds the dense weights of this many users at a time, and all threads together at most
# this many weights.
USERS_AT_ONCE = 64

WEIGHTS_AT_ONCE = 1 << 24

# Without kernels predictions hold copies of them, and small memory limits go without kernels.
WEIGHTS_AT_ONCE_BY_SCIPY = 1 << 20

# A thread gathers about this many listeners of pairs at a time.
LISTENERS_AT_ONCE = 1 << 20


def score_pairs(
    matrices: ModelMatrices,
    weights_of: WeightsOf,
    users: IntArray,
    tracks: IntArray,
    *,
    threads: int = 1,
) -> FloatArray:
    """score(u, t) = sum over v of w(u, v) R(v, t), plus the own term, of each pair.

    Returns shape (pairs,). weights_of: gives w. users, tracks: of each pair, by ascending user.
    Sums go over the listeners of the track, by ascending user.
    """
    scores = np.zeros(len(users))
    by_track = matrices.by_track

    def score(pairs: slice) -> None:
        distinct = np.unique(users[pairs]).astype(np.int64)
        dense = weights_of(distinct).toarray()
        for group in by_listeners(np.diff(by_track.indptr).take(tracks[pairs])):
            chosen = group + pairs.start
            times = sparse.csr_array(by_track[tracks[chosen]])
            pair = row_of_each_entry(times)
            row = np.searchsorted(distinct, users[chosen]).take(pair)
            terms = dense[row, times.indices] * times.data
            scores[chosen] = np.bincount(pair, terms, minlength=len(chosen))

    by_users(score, users, len(matrices.norms), threads)
    if matrices.own_scores is not None:
        scores += values_at(matrices.own_scores, users, tracks)
    return scores


def scored_by_own_listening(
    matrices: ModelMatrices,
    weights_of: WeightsOf,
    users: IntArray,
    tracks: IntArray,
    scores: FloatArray,
    *,
    self_weights: FloatArray | None = None,
    threads: int = 1,
) -> NDArray[np.bool_]:
    """Whether a score above 0 is the user's own listening alone: shape (pairs,).

    weights_of: gives w. users, tracks, scores: of each pair, by ascending user. False where a term
    w(u, v) R(v, t) of another user v is in the sum, even if the terms of all of them cancel.
    self_weights: w(u, u) of each pair; None: all are 0.
    """
    is_own = np.zeros(len(users), dtype=bool)
    if matrices.own_scores is None and self_weights is None:
        return is_own
    positive = np.flatnonzero(scores > 0)
    pairs = users.take(positive), tracks.take(positive)
    own_terms = np.zeros(len(positive))
    if matrices.own_scores is not None:
        own_terms += values_at(matrices.own_scores, *pairs)
    if self_weights is not None:
        own_terms += self_weights.take(positive) * values_at(matrices.interactions, *pairs)
    # Whatever is left belongs to others, who must be looked for only where nothing is.
    rest = np.abs(scores.take(positive) - own_terms)
    alone = positive[(own_terms > 0) & (rest < EQUALITY_GAP + OWN_TERM_ROUNDING * own_terms)]
    is_own[alone] = True
    shared = alone[np.diff(matrices.by_track.indptr).take(tracks.take(alone)) > 1]
    if len(shared):
        is_own[shared] = ~_have_terms_of_others(
            matrices, weights_of, users.take(shared), tracks.take(shared), threads=threads
        )
    return is_own


def _have_terms_of_others(
    matrices: ModelMatrices,
    weights_of: WeightsOf,
    users: IntArray,
    tracks: IntArray,
    *,
    threads: int,
) -> NDArray[np.bool_]:
    """Whether a term of another user is in the score of each pair, by ascending user."""
    have_terms = np.zeros(len(users), dtype=bool)
    by_track = matrices.by_track

    def find(pairs: slice) -> None:
        distinct = np.unique(users[pairs]).astype(np.int64)
        found = weights_of(distinct)
        for group in by_listeners(np.diff(by_track.indptr).take(tracks[pairs])):
            chosen = group + pairs.start
            times = sparse.csr_array(by_track[tracks[chosen]])
            pair = row_of_each_entry(times)
            user = users[chosen].take(pair)
            is_other = (times.data != 0) & (times.indices != user)
            row = np.searchsorted(distinct, user)
            is_term = is_other & (values_at(found, row, times.indices) != 0)
            have_terms[chosen] = np.bincount(pair, is_term, minlength=len(chosen)) > 0

    by_users(find, users, len(matrices.norms), threads)
    return have_terms


def by_users(
    work: Callable[[slice], None],
    users: IntArray,
    all_users: int,
    threads: int,
    weights_at_once: int = WEIGHTS_AT_ONCE,
) -> None:
    """Calls `work` with slices of the pairs, each of a few users, on this many threads.

    users: of each pair, ascending. weights_at_once: dense weights that all threads hold together.
    """
    _, starts = np.unique(users, return_index=True)
    at_once = max(min(USERS_AT_ONCE, weights_at_once // (threads * all_users)), 1)
    slices = [slice(*ends) for ends in pairwise([*starts[::at_once], len(users)])]
    # The first slice runs alone: it computes the cached matrices that all threads share.
    for pairs in slices if threads == 1 else slices[:1]:
        work(pairs)
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            do_all(pool, work, slices[1:])


def by_listeners(listeners: IntArray) -> list[IntArray]:
    """Splits the indexes of pairs into groups of about LISTENERS_AT_ONCE listeners.

    listeners: the number of listeners of each pair's track.
    """
    edges = np.cumsum(listeners) // LISTENERS_AT_ONCE
    return np.split(np.arange(len(listeners)), np.flatnonzero(np.diff(edges)) + 1)


@dataclass(frozen=True)
class Deviations:
    """The difference of predicted times from the centers of user and track: shape (pairs,).

    deviation: sum(w h) / (sum |w| + damping) over the neighbors who heard the track (Resnick et
    al., 1994, damped); 0 without neighbors. support: the number of these neighbors. own_support:
    the number of the user's own tracks that the deviation is also from, or None.
    """

    deviation: FloatArray
    support: Indexes
    own_support: Indexes | None = None

    @property
    def columns(self) -> dict[str, FloatArray | Indexes]:
        """The fields that are not None, by name."""
        return {name: values for name, values in vars(self).items() if values is not None}

    def part(self, pairs: slice) -> Deviations:
        """Those of a part of the pairs, not copied."""
        own_support = None if self.own_support is None else self.own_support[pairs]
        return Deviations(self.deviation[pairs], self.support[pairs], own_support)


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
    """The deviations that neighbors predict for pairs of a user and a track.

    users, tracks: of each pair, by ascending user. matrices: with centered_by_track. With
    neighbors=K, the K most similar listeners of the track count, and only those with a weight above
    0; a user is never its own neighbor. compiled: use the kernels; numba must be installed.
    Raises ValueError without centered_by_track.
    """
    centered = matrices.centered_by_track
    if centered is None:
        raise ValueError("predictions need matrices with centered_by_track")
    deviation, support = np.zeros(len(users)), np.zeros(len(users), dtype=np.int64)
    if compiled:
        inputs = weight_inputs(matrices, neighborhood)
        deviations = partial(_deviations_by_kernels, inputs, centered, neighborhood.neighbors)
    else:
        deviations = partial(_deviations_by_scipy, matrices, centered, neighborhood)

    def predict(pairs: slice) -> None:
        deviation[pairs], support[pairs] = deviations(users[pairs], tracks[pairs], damping)

    at_once = WEIGHTS_AT_ONCE if compiled else WEIGHTS_AT_ONCE_BY_SCIPY
    by_users(predict, users, len(matrices.norms), threads, at_once)
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
    distinct: Indexes = np.unique(users).astype(np.int64)
    dense = weights(matrices, replace(neighborhood, neighbors=None), distinct).toarray()
    for group in by_listeners(np.diff(centered.indptr).take(tracks)):
        times = sparse.csr_array(centered[tracks[group]])
        row = np.repeat(np.searchsorted(distinct, users[group]), np.diff(times.indptr))
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
        deviation[group] = total / np.maximum(abs(counted) @ ones + damping, SMALLEST_DIVISOR)
        support[group] = entries_by_row(counted, np.flatnonzero(counted.data))
    return deviation, support


def _deviations_by_kernels(
    inputs: WeightInputs,
    centered: sparse.csr_array,
    neighbors: int | None,
    users: IntArray,
    tracks: IntArray,
    damping: float,
) -> tuple[FloatArray, Indexes]:
    """The same by kernels."""
    from ubcf.scoring.kernels.pairs import predict_pairs
    from ubcf.scoring.kernels.selection import unsigned

    by_track = Rows(centered.indptr, unsigned(centered.indices), centered.data)
    return predict_pairs(users, tracks, inputs, by_track, neighbors or 0, damping)
