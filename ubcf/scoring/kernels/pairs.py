"""The predictions of predictions.py compiled by numba: the listeners of a track in one pass.

Only imported when numba is there (the extra `ubcf[fast]`). The deviations are those of scipy, to
the bit: the sums go over the same listeners in the same order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ubcf.scoring.kernels.selection import compiled, kth_greatest
from ubcf.scoring.kernels.similarity import scratch_for, smallest_kept_weight, weights_of_user
from ubcf.scoring.tolerances import CHAIN_ROOM, EQUALITY_GAP, SMALLEST

# Tracks with more than so many listeners for each one wanted are looked at by a sample of them
# first, of this size.
WORTH_SAMPLING = 4

SAMPLE = 128


@compiled
def predict_pairs(
    users: Any,
    tracks: Any,
    own: Any,
    listeners: Any,
    options: Any,
    centered: Any,
    wanted: Any,
    damping: Any,
    deviation: Any,
    support: Any,
) -> None:
    """Fills deviation and support; wanted: so many of the listeners count, 0: all."""
    track_starts, track_users, track_times = centered
    scratch = scratch_for(own, options)
    weights = scratch[0]
    most = np.diff(track_starts).max() if len(track_starts) > 1 else 0
    places = np.empty(most, dtype=np.int32)
    found = np.empty(most)
    least = smallest_kept_weight(options, wanted)
    for pair in range(len(users)):
        if pair == 0 or users[pair] != users[pair - 1]:
            weights = weights_of_user(users[pair], own, listeners, options, wanted, scratch)
        first, stop = track_starts[tracks[pair]], track_starts[tracks[pair] + 1]
        others = track_users[first:stop]
        times = track_times[first:stop]
        if wanted > 0:
            count = _take_nearest(others, weights, wanted, least, places, found)
        else:
            count = _take_from(-np.inf, others, weights, places, found)
        total = 0.0
        size = 0.0
        for i in range(count):
            total += found[i] * times[places[i]]
            size += abs(found[i])
        deviation[pair] = total / max(size + damping, SMALLEST)
        support[pair] = count


@compiled
def _take_from(floor: Any, others: Any, weights: Any, places: Any, found: Any) -> Any:
    """Fills places and found with the listeners who count, from `floor` up; returns how many."""
    count = 0
    for place in range(len(others)):
        weight = weights[others[place]]
        places[count] = place
        found[count] = weight
        count += (weight >= floor) & (weight != 0)
    return count


@compiled
def _take_nearest(
    others: Any, weights: Any, wanted: Any, least: Any, places: Any, found: Any
) -> Any:
    """Fills places and found with the `wanted` nearest listeners, and returns their number.

    least: those below it do not count. Among equally near ones those with the smaller index are
    taken: `others` ascend.
    """
    floor = _likely_floor(others, weights, wanted, least, found)
    count = _take_from(floor, others, weights, places, found)
    last = kth_greatest(found[:count], wanted)
    if floor > least and last - CHAIN_ROOM < floor:
        # Too few, or the chain of the last one may go on among those that are not taken.
        count = _take_from(least, others, weights, places, found)
        last = kth_greatest(found[:count], wanted)
    if count <= wanted:
        return count
    at_least = 0
    close = False
    for i in range(count):
        at_least += found[i] >= last
        close |= (found[i] < last) & (last - found[i] < EQUALITY_GAP)
    if at_least == wanted and not close:
        return _keep(last, last, 0, places, found, count)
    # The last one is equal to others: of this chain of equals those with the smallest index count.
    count = _take_from(least, others, weights, places, found)
    ranked = np.sort(found[:count])[::-1]
    start = wanted - 1
    while start > 0 and ranked[start - 1] - ranked[start] < EQUALITY_GAP:
        start -= 1
    end = wanted
    while end < count and ranked[end - 1] - ranked[end] < EQUALITY_GAP:
        end += 1
    tied = 0
    last_tied = 0
    for i in range(count):
        if tied < wanted - start and ranked[end - 1] <= found[i] <= ranked[start]:
            tied += 1
            last_tied = places[i]
    above = np.nextafter(ranked[start], np.inf)
    return _keep(ranked[end - 1], above, last_tied, places, found, count)


@compiled
def _likely_floor(others: Any, weights: Any, wanted: Any, least: Any, sample: Any) -> Any:
    """A weight that more than `wanted` of the listeners are likely to have, by a sample."""
    if len(others) <= WORTH_SAMPLING * wanted or len(others) < SAMPLE:
        return least
    step = len(others) // SAMPLE
    for i in range(SAMPLE):
        sample[i] = weights[others[i * step]]
    expected = wanted * SAMPLE / len(others)
    rank = int(expected + 2 * np.sqrt(expected) + 1)
    return max(kth_greatest(sample[:SAMPLE], rank), least)


@compiled
def _keep(least: Any, tied_from: Any, last_tied: Any, places: Any, found: Any, count: Any) -> Any:
    """Keeps those from `least` up, and of those under `tied_from` only up to a place."""
    kept = 0
    for i in range(count):
        weight, place = found[i], places[i]
        places[kept] = place
        found[kept] = weight
        kept += (weight >= least) & ((weight >= tied_from) | (place <= last_tied))
    return kept
