"""The kernels of `ubcf.scoring.similarity`: weights of one user at a time, and their selection.

Only the weights of one user are held densely; users who cannot be among the nearest are dropped at
once. The weights equal those of scipy to the bit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ubcf.scoring.kernels.selection import (
    LANES_PER_LIST_ENTRY,
    SEGMENTS,
    append_best,
    append_best_by_segments,
    append_nonzero,
    buffers_for,
    compiled,
    lane_maxima,
    longer,
    rank_and_keep,
    row_of,
    segment_scratch_for,
    with_room,
)
from ubcf.scoring.matrices import FloatArray, Int32Array, IntArray, Rows
from ubcf.scoring.tolerances import SIMILARITY_NOISE

# The least weight of one of the nearest users, unless the options ask for more.
ABOVE_ZERO = float(np.finfo(np.float64).smallest_subnormal)

CounterArray = NDArray[np.unsignedinteger[Any]]  # Any: of the width that the counts need


class WeightOptions(NamedTuple):
    """A neighborhood's options as kernels take them; fields as in ubcf.scoring.options.

    counter: an empty array of the type that counts common tracks; a narrow one stays in the cache.
    min_similarity: minus infinity for no bound.
    """

    overlap: bool
    counts_common: bool
    shrinkage: float
    min_common: float
    counter: CounterArray
    min_similarity: float


class WeightInputs(NamedTuple):
    """What weights are computed from.

    rows: X, or R for the overlap form, users x tracks. listeners: its transpose, tracks x users,
    with unsigned indexes. With overlap or counts_common every track heard has an entry, even a 0.
    """

    rows: Rows
    listeners: Rows
    options: WeightOptions


class WeightScratch(NamedTuple):
    """Working memory of `weights_of_user`, reused from user to user.

    weights, common: by user, padded to a multiple of SEGMENTS with users similar to nobody. common:
    tracks in common. squares: sums of squares over them, of the user and of the others. shrunk:
    the factor n / (n + shrinkage) by n, 0 below min_common; looking it up is faster than dividing.
    """

    weights: FloatArray
    common: CounterArray
    squares: FloatArray
    shrunk: FloatArray


@compiled
def count_common(
    starts: IntArray,
    tracks: IntArray,
    tracks_count: int,
    users: IntArray,
    others: IntArray,
    counts: IntArray,
) -> None:
    """Fills counts[i] with the number of tracks that both users[i] and others[i] have heard.

    starts, tracks: the tracks of all users, row after row. Fast where equal users stand together.
    """
    heard_by = np.full(tracks_count, -1, dtype=np.int32)
    user = -1
    for i in range(len(users)):
        if users[i] != user:
            user = users[i]
            for entry in range(starts[user], starts[user + 1]):
                heard_by[tracks[entry]] = user
        common = 0
        for entry in range(starts[others[i]], starts[others[i] + 1]):
            common += heard_by[tracks[entry]] == user
        counts[i] = common


@compiled
def nearest_rows(users: IntArray, inputs: WeightInputs, count: int) -> tuple[Rows, Int32Array]:
    """The weights of the `count` nearest users of each user, users x all users, and their ranks.

    Ranks are from 0, one for each entry. count: 0 for all weights, and no ranks.
    """
    all_users = len(inputs.rows.starts) - 1
    starts = np.zeros(len(users) + 1, dtype=np.int64)
    kept = buffers_for(min(2 * count, all_users) * len(users) + all_users)
    ranks = np.empty(len(kept.columns) if count else 0, dtype=np.int32)
    scratch = weight_scratch_for(inputs)
    maxima = np.empty(LANES_PER_LIST_ENTRY * count)
    segments = segment_scratch_for(len(scratch.weights))
    least = smallest_kept_weight(inputs.options, count)
    found = 0
    for row in range(len(users)):
        if found + all_users > len(kept.columns):
            kept = with_room(kept, 2 * found + all_users)
            if count:
                ranks = longer(ranks, 2 * found + all_users)
        weights = weights_of_user(users[row], inputs, count, scratch)
        if count == 0:
            end = append_nonzero(weights, kept, found)
        elif len(weights) >= SEGMENTS * len(maxima):
            end = append_best_by_segments(weights, count, maxima, segments, kept, found)
        else:
            positive = lane_maxima(weights, maxima)
            end = append_best(weights, positive, count, maxima, kept, found)
        if count:
            end = rank_and_keep(count, least, kept, ranks, found, end)
        found = end
        starts[row + 1] = found
    return Rows(starts, kept.columns[:found], kept.values[:found]), ranks[: found if count else 0]


@compiled
def weight_scratch_for(inputs: WeightInputs) -> WeightScratch:
    """Working memory for `weights_of_user` with these inputs."""
    options, starts = inputs.options, inputs.rows.starts
    users = len(starts) - 1
    length = -(-users // SEGMENTS) * SEGMENTS
    most_common = np.diff(starts).max() if options.counts_common and users else 0
    counts = np.arange(most_common + 1)
    shrunk = counts / (counts + options.shrinkage)
    shrunk[: min(int(np.ceil(options.min_common)), len(shrunk))] = 0.0
    return WeightScratch(
        np.empty(length),
        np.empty(length if options.counts_common else 0, dtype=options.counter.dtype),
        np.empty((2, length if options.overlap else 0)),
        shrunk,
    )


@compiled
def smallest_kept_weight(options: WeightOptions, count: int) -> float:
    """The least weight, of those that `weights_of_user` returns, of one of the nearest users."""
    if _is_plain_cosine(options, count):
        return max(SIMILARITY_NOISE, options.min_similarity)
    return ABOVE_ZERO


@compiled
def _is_plain_cosine(options: WeightOptions, count: int) -> bool:
    """Whether weights are cosines with their noise, which the selection drops."""
    return count > 0 and not options.overlap and not options.counts_common


@compiled
def weights_of_user(
    user: int, inputs: WeightInputs, count: int, scratch: WeightScratch
) -> FloatArray:
    """The weights w(user, v) of all users v, valid until the next call with this scratch.

    count: how many nearest users the caller will select, of those with `smallest_kept_weight` or
    more; 0 for all weights, of which noise is set to 0.
    """
    options, common, shrunk = inputs.options, scratch.common, scratch.shrunk
    if _is_plain_cosine(options, count):
        return _cosines(user, inputs, scratch)
    weights = _similarities(user, inputs, scratch)
    if options.counts_common:
        for other in range(len(weights)):
            weight = weights[other] * shrunk[common[other]]
            weights[other] = weight if abs(weights[other]) >= SIMILARITY_NOISE else 0.0
    else:
        for other in range(len(weights)):
            weights[other] *= abs(weights[other]) >= SIMILARITY_NOISE
    if options.min_similarity > -np.inf:
        for other in range(len(weights)):
            weights[other] *= weights[other] >= options.min_similarity
    return weights


@compiled
def _similarities(user: int, inputs: WeightInputs, scratch: WeightScratch) -> FloatArray:
    """The similarities of a user, noise included, 0 with itself; fills `scratch.common`."""
    if inputs.options.overlap:
        return _overlap_cosines(user, inputs, scratch)
    if inputs.options.counts_common:
        return _cosines_and_common(user, inputs, scratch)
    return _cosines(user, inputs, scratch)


@compiled
def _overlap_cosines(user: int, inputs: WeightInputs, scratch: WeightScratch) -> FloatArray:
    """Cosines over the tracks in common, noise included, 0 with itself; fills `scratch.common`."""
    counting = inputs.options.counts_common
    starts, tracks, values = inputs.rows
    weights, common = scratch.weights, scratch.common
    user_squares, other_squares = scratch.squares
    weights[:] = 0.0
    common[:] = 0
    user_squares[:] = 0.0
    other_squares[:] = 0.0
    for i in range(starts[user], starts[user + 1]):
        value = values[i]
        others, other_values = row_of(inputs.listeners, tracks[i])
        for j in range(len(others)):
            weights[others[j]] += value * other_values[j]
            user_squares[others[j]] += value * value
            other_squares[others[j]] += other_values[j] * other_values[j]
            if counting:
                common[others[j]] += 1
    for other in range(len(weights)):
        lengths = user_squares[other] * other_squares[other]
        weights[other] = weights[other] * (1 / np.sqrt(lengths)) if lengths > 0 else 0.0
    weights[user] = 0.0
    return weights


@compiled
def _cosines_and_common(user: int, inputs: WeightInputs, scratch: WeightScratch) -> FloatArray:
    """The cosines of a user, noise included, 0 with itself; fills `scratch.common`."""
    starts, tracks, values = inputs.rows
    weights, common = scratch.weights, scratch.common
    weights[:] = 0.0
    common[:] = 0
    for i in range(starts[user], starts[user + 1]):
        value = values[i]
        others, other_values = row_of(inputs.listeners, tracks[i])
        for j in range(len(others)):
            weights[others[j]] += value * other_values[j]
            common[others[j]] += 1
    weights[user] = 0.0
    return weights


@compiled
def _cosines(user: int, inputs: WeightInputs, scratch: WeightScratch) -> FloatArray:
    """The cosines of a user, noise included, 0 with itself."""
    starts, tracks, values = inputs.rows
    weights = scratch.weights
    weights[:] = 0.0
    for i in range(starts[user], starts[user + 1]):
        value = values[i]
        others, other_values = row_of(inputs.listeners, tracks[i])
        for j in range(len(others)):
            weights[others[j]] += value * other_values[j]
    weights[user] = 0.0
    return weights
