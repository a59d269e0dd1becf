"""The kernel of `ubcf.scoring.walk`: the weights of the users whom a walk reaches.

The weights equal those of scipy to the bit: sums go over the same users in the same order.
"""

from __future__ import annotations

import numpy as np

from ubcf.scoring.kernels.prefetch import ROWS_AHEAD, prefetch_row
from ubcf.scoring.kernels.selection import (
    LANES_PER_LIST_ENTRY,
    SEGMENTS,
    Buffers,
    SegmentScratch,
    append_best,
    append_best_by_segments,
    buffers_for,
    compiled,
    kth_greatest,
    lane_maxima,
    rank_and_keep,
    row_of,
    segment_scratch_for,
)
from ubcf.scoring.matrices import FloatArray, Indexes, Int32Array, Rows
from ubcf.scoring.tolerances import EQUALITY_GAP, SIMILARITY_NOISE


@compiled
def walk_rows(users: Indexes, similarity: Rows, sums: FloatArray, steps: int, reach: int) -> Rows:
    """w of each user, after this many steps: users x all users.

    similarity: S, users x users, with unsigned indexes. sums: of its rows. reach: entries that a
    row keeps after a step.
    """
    all_users = len(similarity.starts) - 1
    reach = min(reach, all_users)
    length = -(-all_users // SEGMENTS) * SEGMENTS
    weights = np.zeros(length)
    maxima = np.empty(LANES_PER_LIST_ENTRY * reach)
    segments = segment_scratch_for(length)
    # The entries of one user, of which a step keeps at most `reach`.
    room, ranks = buffers_for(all_users), np.empty(all_users, dtype=np.int32)
    starts = np.zeros(len(users) + 1, dtype=np.int64)
    kept = buffers_for(reach * len(users))
    for row in range(len(users)):
        columns, values = row_of(similarity, users[row])
        count = len(columns)
        room.columns[:count] = columns
        room.values[:count] = values / sums[users[row]]
        count = _cut(reach, room, ranks, count)
        for _ in range(1, steps):
            _add_rows(room, count, similarity, sums, weights)
            count = _append(weights, reach, maxima, segments, room)
            weights[:] = 0.0
            count = _cut(reach, room, ranks, count)
        found = starts[row]
        kept.columns[found : found + count] = room.columns[:count]
        kept.values[found : found + count] = room.values[:count]
        starts[row + 1] = found + count
    found = starts[len(users)]
    return Rows(starts, kept.columns[:found].copy(), kept.values[:found].copy())


@compiled
def _add_rows(
    reached: Buffers, count: int, similarity: Rows, sums: FloatArray, weights: FloatArray
) -> None:
    """Adds the rows of P of the first `count` users reached, times their weights, to `weights`."""
    for i in range(min(ROWS_AHEAD, count)):
        prefetch_row(similarity, reached.columns[i])
    for i in range(count):
        if i + ROWS_AHEAD < count:
            prefetch_row(similarity, reached.columns[i + ROWS_AHEAD])
        share = reached.values[i] / sums[reached.columns[i]]
        columns, values = row_of(similarity, reached.columns[i])
        for j in range(len(columns)):
            weights[columns[j]] += share * values[j]


@compiled
def _append(
    weights: FloatArray, reach: int, maxima: FloatArray, segments: SegmentScratch, room: Buffers
) -> int:
    """Fills `room` with at least the `reach` greatest weights, by user; returns their number."""
    if len(weights) >= SEGMENTS * len(maxima):
        return append_best_by_segments(weights, reach, maxima, segments, room, 0)
    return append_best(weights, lane_maxima(weights, maxima), reach, maxima, room, 0)


@compiled
def _cut(reach: int, room: Buffers, ranks: Int32Array, count: int) -> int:
    """Reduces the first `count` entries to the `reach` greatest, without noise; returns how many.

    The entries stay in the order of their columns. ranks: room for their ranks.
    """
    columns, values = room
    last = kth_greatest(values[:count], reach)
    at_least_last = 0
    is_close = False
    for i in range(count):
        at_least_last += values[i] >= last
        is_close |= (values[i] < last) & (last - values[i] < EQUALITY_GAP)
    if at_least_last > reach or is_close:
        return rank_and_keep(reach, SIMILARITY_NOISE, room, ranks, 0, count)
    last = max(last, SIMILARITY_NOISE)
    stop = 0
    for i in range(count):
        columns[stop] = columns[i]
        values[stop] = values[i]
        stop += values[i] >= last
    return stop
