"""The kernel of `ubcf.scoring.pairs`: predicted times of pairs of a user and a track.

The deviations equal those of scipy to the bit: sums go over the same listeners in the same order.
"""

from __future__ import annotations

import numpy as np

from ubcf.scoring.kernels.selection import compiled, kth_greatest, row_of
from ubcf.scoring.kernels.similarity import (
    WeightInputs,
    smallest_kept_weight,
    weight_scratch_for,
    weights_of_user,
)
from ubcf.scoring.matrices import FloatArray, Indexes, Int32Array, IntArray, Rows
from ubcf.scoring.tolerances import CHAIN_ROOM, EQUALITY_GAP, SMALLEST_DIVISOR

# A sample of the listeners gives a first bound of the nearest ones' weights where there are more
# than this many for each of the nearest.
WORTH_SAMPLING = 4

SAMPLE_SIZE = 128


@compiled
def predict_pairs(
    users: IntArray,
    tracks: IntArray,
    inputs: WeightInputs,
    centered: Rows,
    count: int,
    damping: float,
) -> tuple[FloatArray, Indexes]:
    """Deviation and support of each pair, as in ubcf.scoring.pairs.Deviations: shape (pairs,).

    users: ascending. centered: h, tracks x users, with unsigned indexes. count: the number of
    nearest listeners that count, 0 for all listeners.
    """
    deviation = np.zeros(len(users))
    support = np.zeros(len(users), dtype=np.int64)
    scratch = weight_scratch_for(inputs)
    weights = scratch.weights
    most_listeners = np.diff(centered.starts).max() if len(centered.starts) > 1 else 0
    positions = np.empty(most_listeners, dtype=np.int32)
    taken = np.empty(most_listeners)
    least = smallest_kept_weight(inputs.options, count)
    for pair in range(len(users)):
        if pair == 0 or users[pair] != users[pair - 1]:
            weights = weights_of_user(users[pair], inputs, count, scratch)
        listeners, times = row_of(centered, tracks[pair])
        if count > 0:
            found = _take_nearest(listeners, weights, count, least, positions, taken)
        else:
            found = _take_from(-np.inf, listeners, weights, positions, taken)
        total = 0.0
        size = 0.0
        for i in range(found):
            total += taken[i] * times[positions[i]]
            size += abs(taken[i])
        deviation[pair] = total / max(size + damping, SMALLEST_DIVISOR)
        support[pair] = found
    return deviation, support


# The functions below fill `positions`, indexes into `listeners`, and `taken`, the weights of these
# listeners, and return how many they are.


@compiled
def _take_from(
    floor: float,
    listeners: IntArray,
    weights: FloatArray,
    positions: Int32Array,
    taken: FloatArray,
) -> int:
    """Takes the listeners whose weights are not 0 and at least `floor`."""
    found = 0
    for i in range(len(listeners)):
        weight = weights[listeners[i]]
        positions[found] = i
        taken[found] = weight
        found += (weight >= floor) & (weight != 0)
    return found


@compiled
def _take_nearest(
    listeners: IntArray,
    weights: FloatArray,
    count: int,
    least: float,
    positions: Int32Array,
    taken: FloatArray,
) -> int:
    """Takes the `count` nearest listeners of those with a weight of at least `least`.

    listeners: ascending. Of listeners with equal weights, those with the smaller index are taken.
    """
    floor = _likely_floor(listeners, weights, count, least, taken)
    found = _take_from(floor, listeners, weights, positions, taken)
    last = kth_greatest(taken[:found], count)
    if floor > least and last - CHAIN_ROOM < floor:
        # Too few, or the equality chain of the last one may go on below the floor.
        found = _take_from(least, listeners, weights, positions, taken)
        last = kth_greatest(taken[:found], count)
    if found <= count:
        return found
    at_least_last = 0
    is_close = False
    for i in range(found):
        at_least_last += taken[i] >= last
        is_close |= (taken[i] < last) & (last - taken[i] < EQUALITY_GAP)
    if at_least_last == count and not is_close:
        return _keep(last, last, 0, positions, taken, found)
    found = _take_from(least, listeners, weights, positions, taken)
    return _keep_nearest_of_chain(count, positions, taken, found)


@compiled
def _keep_nearest_of_chain(count: int, positions: Int32Array, taken: FloatArray, found: int) -> int:
    """Keeps the `count` nearest where an equality chain goes on beyond the last one.

    Of this chain, the listeners with the smallest indexes are kept.
    """
    ranked = np.sort(taken[:found])[::-1]
    start = count - 1
    while start > 0 and ranked[start - 1] - ranked[start] < EQUALITY_GAP:
        start -= 1
    end = count
    while end < found and ranked[end - 1] - ranked[end] < EQUALITY_GAP:
        end += 1
    tied = 0
    last_tied = 0
    for i in range(found):
        if tied < count - start and ranked[end - 1] <= taken[i] <= ranked[start]:
            tied += 1
            last_tied = positions[i]
    above_chain = np.nextafter(ranked[start], np.inf)
    return _keep(ranked[end - 1], above_chain, last_tied, positions, taken, found)


@compiled
def _likely_floor(
    listeners: IntArray, weights: FloatArray, count: int, least: float, sample: FloatArray
) -> float:
    """A weight that more than `count` listeners are likely to have, estimated from a sample.

    sample: room for SAMPLE_SIZE weights, where there are as many listeners.
    """
    if len(listeners) <= WORTH_SAMPLING * count or len(listeners) < SAMPLE_SIZE:
        return least
    step = len(listeners) // SAMPLE_SIZE
    for i in range(SAMPLE_SIZE):
        sample[i] = weights[listeners[i * step]]
    expected = count * SAMPLE_SIZE / len(listeners)
    # Two standard deviations above the number of the nearest to expect in the sample.
    rank = int(expected + 2 * np.sqrt(expected) + 1)
    return max(kth_greatest(sample[:SAMPLE_SIZE], rank), least)


@compiled
def _keep(
    least: float,
    tied_below: float,
    last_tied: int,
    positions: Int32Array,
    taken: FloatArray,
    found: int,
) -> int:
    """Keeps weights of at least `least`; of those below `tied_below`, only up to `last_tied`."""
    kept = 0
    for i in range(found):
        weight, position = taken[i], positions[i]
        positions[kept] = position
        taken[kept] = weight
        kept += (weight >= least) & ((weight >= tied_below) | (position <= last_tied))
    return kept
