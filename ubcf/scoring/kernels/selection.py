"""Selecting the greatest values of a row: what the kernels share.

A kernel appends the entries that it keeps to `Buffers`, row after row. `found` is the number of
entries that the buffers hold; functions that append return the new number.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from ubcf.scoring.matrices import (
    FloatArray,
    Indexes,
    Int32Array,
    IntArray,
    Rows,
    SingleArray,
)
from ubcf.scoring.tolerances import CHAIN_ROOM, EQUALITY_GAP

# Lane i of a row holds the scores i, i + lanes, i + 2 lanes, ... The k-th greatest lane maximum
# bounds the k-th greatest score from below: loosely with few lanes, and slowly with many.
LANES_PER_LIST_ENTRY = 4

# Scores are compared with a floor in chunks of this length; most chunks hold none above it.
CHUNK = 64

# A long row is cut into this many segments of equal length, of which the elementwise maximum is
# taken: first of the quarters of the row, then of the quarters of that.
SEGMENTS = 4 * 4

# Up to this many values are sorted by counting the values before each, which needs no branches.
LONGEST_COUNTING_SORT = 400

# Entries for each one of a list from which on equal ones are dropped before they are sorted.
WORTH_DROPPING_TIES = 4

Kernel = TypeVar("Kernel", bound=Callable[..., Any])  # Any: kernels take and return what they like

Scalar = TypeVar("Scalar", bound=np.generic)


def compiled(kernel: Kernel) -> Kernel:
    """Makes numba compile a function when it is first called, and cache the machine code on disk.

    Numba ignores the annotations, mypy checks them. Numba turns a loop into vector instructions if
    it goes over slices by an index that starts at 0. Elsewhere numba checks whether an index is
    negative, unless its type is unsigned. A condition must not guard a store of what may be there
    already (x[i] = y if y > x[i] else x[i]): that becomes a masked store, which takes AMD
    processors three times as long as a maximum or a product.
    """
    return compiled_with(kernel, error_model="numpy")


def compiled_with(kernel: Kernel, **options: Any) -> Kernel:
    """Compiles with options of numba; the cache is where it can be, or there is none.

    Numba caches in the package's folder or the home, and fails where neither can be written, as in
    a container with another user. Then a folder below that of temporary files is taken.
    """
    try:
        return cast(Kernel, numba.njit(nogil=True, cache=True, **options)(kernel))
    except RuntimeError:
        folder = _private_folder()
        if folder is None:
            return cast(Kernel, numba.njit(nogil=True, **options)(kernel))
        vars(numba.config)["CACHE_DIR"] = folder
        return cast(Kernel, numba.njit(nogil=True, cache=True, **options)(kernel))


def _private_folder() -> str | None:
    """A folder for the cache that no other user can write to: what is in it is run."""
    try:
        folder = Path(tempfile.gettempdir(), f"ubcf-kernels-{os.getuid()}")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except (AttributeError, OSError):  # no user ids on Windows, or nothing can be written
        return None
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    return str(folder) if private and found.st_uid == os.getuid() else None


def unsigned(indexes: IntArray) -> NDArray[np.unsignedinteger[Any]]:
    """Indexes, none of them negative, viewed as the unsigned type of the same width."""
    return indexes.view(f"u{indexes.itemsize}")


@compiled
def row_of(rows: Rows, row: int) -> tuple[IntArray, FloatArray]:
    """The columns and values of a row."""
    first, stop = rows.starts[row], rows.starts[row + 1]
    return rows.columns[first:stop], rows.values[first:stop]


class Buffers(NamedTuple):
    """Columns and values of entries, with room for more."""

    columns: Int32Array
    values: FloatArray


@compiled
def buffers_for(length: int) -> Buffers:
    """Buffers for this many entries."""
    return Buffers(np.empty(length, dtype=np.int32), np.empty(length))


@compiled
def with_room(kept: Buffers, length: int) -> Buffers:
    """The buffers, copied into longer ones of this length."""
    return Buffers(longer(kept.columns, length), longer(kept.values, length))


@compiled
def longer(array: NDArray[Scalar], length: int) -> NDArray[Scalar]:
    """The array, copied into a longer one of this length."""
    copy = np.empty(length, dtype=array.dtype)
    copy[: len(array)] = array
    return copy


@compiled
def kth_greatest(values: FloatArray | SingleArray, k: int) -> float:
    """The k-th greatest value, minus infinity when there are fewer.

    Quickselect; branch-free partitioning makes it five times faster than numba's np.partition.
    """
    size = len(values)
    if size < k:
        return -np.inf
    room = np.empty((3, size))
    now, greater, less = room[0], room[1], room[2]
    now[:] = values
    while True:
        one, other, third = now[0], now[size // 2], now[size - 1]
        pivot: float = max(min(one, other), min(max(one, other), third))
        above, below = 0, 0
        for i in range(size):
            value = now[i]
            greater[above] = value
            above += value > pivot
            less[below] = value
            below += value < pivot
        if k <= above:
            now, greater = greater, now
            size = above
        elif k <= size - below:
            return pivot
        else:
            k -= size - below
            now, less = less, now
            size = below


@compiled
def lane_maxima(scores: FloatArray, maxima: FloatArray) -> int:
    """Fills maxima[i] with the greatest of the scores i, i + lanes, ...; counts positive scores."""
    lanes = len(maxima)
    maxima[:] = -np.inf
    positive = 0
    for start in range(0, len(scores), lanes):
        chunk = scores[start : start + lanes]
        for lane in range(len(chunk)):
            positive += chunk[lane] >= EQUALITY_GAP
            maxima[lane] = np.maximum(chunk[lane], maxima[lane])
    return positive


@compiled
def list_floor(positive: int, length: int, maxima: FloatArray, scores: FloatArray) -> float:
    """A lower bound of the scores of a list, and of all that are equal to its last one.

    positive, maxima: as lane_maxima returns and fills them. length: of the list. Returns 0 where
    too few scores are positive for a bound.
    """
    if len(maxima) <= len(scores) and positive > length:
        return max(kth_greatest(maxima, length) - CHAIN_ROOM, 0.0)
    return 0.0


@compiled
def tie_crosses_floor(floor: float, values: FloatArray) -> bool:
    """True if a kept value ties with one below the floor.

    Cutting at the floor would split an equality chain then.
    """
    near = False
    for i in range(len(values)):
        near |= values[i] - EQUALITY_GAP < floor
    return near


@compiled
def append_best(
    scores: FloatArray, positive: int, length: int, maxima: FloatArray, kept: Buffers, found: int
) -> int:
    """Appends at least the first `length` scores of the ranking, in the order of their columns.

    positive, maxima: as lane_maxima returns and fills them. Appends all scores that are not 0 where
    too few are positive, or where a cut would split an equality chain.
    """
    floor = list_floor(positive, length, maxima, scores)
    if floor > 0:
        end = append_above(scores, floor, kept, found)
        if not tie_crosses_floor(floor, kept.values[found:end]):
            return end
    return append_nonzero(scores, kept, found)


@compiled
def append_nonzero(scores: FloatArray, kept: Buffers, found: int) -> int:
    """Appends the scores that are not 0."""
    columns, values = kept
    for column in range(len(scores)):
        if scores[column] != 0:
            columns[found] = column
            values[found] = scores[column]
            found += 1
    return found


@compiled
def append_above(scores: FloatArray, floor: float, kept: Buffers, found: int) -> int:
    """Appends the scores from `floor` up."""
    columns, values = kept
    for start in range(0, len(scores), CHUNK):
        chunk = scores[start : start + CHUNK]
        above = 0
        for i in range(len(chunk)):
            above += chunk[i] >= floor
        if above:
            for i in range(len(chunk)):
                if chunk[i] >= floor:
                    columns[found] = start + i
                    values[found] = chunk[i]
                    found += 1
    return found


class SegmentScratch(NamedTuple):
    """Working memory of `append_best_by_segments`.

    quarters: the maximum of the four quarters of a row. maxima: of the quarters of that, so of all
    segments. offsets: into the segments, where some segment has a score above the floor.
    """

    quarters: FloatArray
    maxima: FloatArray
    offsets: Int32Array


@compiled
def segment_scratch_for(length: int) -> SegmentScratch:
    """Working memory for rows of this length, a multiple of SEGMENTS."""
    segment = length // SEGMENTS
    return SegmentScratch(
        np.empty(4 * segment), np.empty(segment), np.empty(segment, dtype=np.int32)
    )


@compiled
def append_best_by_segments(
    scores: FloatArray,
    length: int,
    maxima: FloatArray,
    scratch: SegmentScratch,
    kept: Buffers,
    found: int,
) -> int:
    """Does the same as append_best; faster for long rows, of which it reads most scores once.

    maxima: room for the lane maxima.
    """
    _maximum_of_quarters(scores, scratch.quarters)
    _maximum_of_quarters(scratch.quarters, scratch.maxima)
    positive = lane_maxima(scratch.maxima, maxima)
    floor = list_floor(positive, length, maxima, scratch.maxima)
    if floor > 0:
        end = _append_above_by_segments(scores, floor, scratch, kept, found)
        if not tie_crosses_floor(floor, kept.values[found:end]):
            return end
    return append_nonzero(scores, kept, found)


@compiled
def _maximum_of_quarters(values: FloatArray, maximum: FloatArray) -> None:
    """Fills `maximum` with the elementwise maximum of the four quarters of `values`."""
    length = len(maximum)
    first, second = values[:length], values[length : 2 * length]
    third, fourth = values[2 * length : 3 * length], values[3 * length :]
    for i in range(length):
        one = first[i] if first[i] > second[i] else second[i]
        other = third[i] if third[i] > fourth[i] else fourth[i]
        maximum[i] = one if one > other else other


@compiled
def _append_above_by_segments(
    scores: FloatArray, floor: float, scratch: SegmentScratch, kept: Buffers, found: int
) -> int:
    """Appends the scores from `floor` up; looks only where the maximum of the segments has one."""
    columns, values = kept
    maxima, offsets = scratch.maxima, scratch.offsets
    above = 0
    for offset in range(len(maxima)):
        offsets[above] = offset
        above += maxima[offset] >= floor
    for start in range(0, len(scores), len(maxima)):
        segment = scores[start : start + len(maxima)]
        for i in range(above):
            if segment[offsets[i]] >= floor:
                columns[found] = start + offsets[i]
                values[found] = segment[offsets[i]]
                found += 1
    return found


@compiled
def rank_and_keep(
    length: int, least: float, kept: Buffers, ranks: Int32Array, found: int, end: int
) -> int:
    """Reduces the entries found..end-1 to the first `length` of their ranking; returns their end.

    Entries below `least` are dropped. Those that stay remain in the order of their columns; `ranks`
    gets the rank of each, from 0.
    """
    columns, values = kept
    counted = found
    for i in range(found, end):
        if values[i] >= least:
            columns[counted] = columns[i]
            values[counted] = values[i]
            counted += 1
    counted = _drop_late_ties(length, kept, found, counted)
    row_values = values[found:counted]
    order = descending_order(row_values)
    sort_ties_by_column(order, columns[found:counted], row_values)
    for rank in range(len(order)):
        ranks[found + order[rank]] = rank
    last = found
    for i in range(found, counted):
        if ranks[i] < length:
            columns[last] = columns[i]
            values[last] = values[i]
            ranks[last] = ranks[i]
            last += 1
    return last


@compiled
def _drop_late_ties(length: int, kept: Buffers, found: int, end: int) -> int:
    """Drops those of the entries found..end-1 that too many equal ones precede; returns their end.

    Entries with one value stand in the order of their columns in the ranking, so only the first
    `length` of them can be in a list. That makes sorting cheap where very many values are equal.
    """
    columns, values = kept
    if end - found <= WORTH_DROPPING_TIES * length:
        return end
    last = kth_greatest(values[found:end], length)
    tied = 0
    stop = found
    for i in range(found, end):
        tied += values[i] == last
        if values[i] != last or tied <= length:
            columns[stop] = columns[i]
            values[stop] = values[i]
            stop += 1
    return stop


@compiled
def descending_order(values: FloatArray) -> Indexes:
    """The indexes that sort the values in descending order; stable."""
    if len(values) > LONGEST_COUNTING_SORT:
        return np.argsort(-values, kind="mergesort")
    order = np.empty(len(values), dtype=np.int64)
    for i in range(len(values)):
        value = values[i]
        before = 0
        head, tail = values[:i], values[i + 1 :]
        for j in range(len(head)):
            before += head[j] >= value
        for j in range(len(tail)):
            before += tail[j] > value
        order[before] = i
    return order


@compiled
def sort_ties_by_column(order: Indexes, columns: IntArray, values: FloatArray) -> None:
    """Sorts each equality chain in `order`, which sorts the values descending, by column."""
    start = 0
    for rank in range(1, len(order) + 1):
        if rank == len(order) or values[order[rank - 1]] - values[order[rank]] >= EQUALITY_GAP:
            if rank - start > 1:
                chain = order[start:rank].copy()
                order[start:rank] = chain[np.argsort(columns[chain])]
            start = rank
