"""The tiles of tiles.py compiled by numba: the products and the selection in one pass.

Only imported when numba is there (the extra `ubcf[fast]`). The results are those of DenseTiles.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ubcf.scoring.kernels.selection import compiled, kth_greatest, longer
from ubcf.scoring.tolerances import CHAIN_ROOM, SINGLE_ROUNDING

# Dense rows are kept as whole multiples of a step of their own, half the bytes of single precision:
# their products wait for memory, not for the processor. The greatest magnitude is so many steps, so
# an entry is off by half a step at most, which is this share of the greatest.
STEPS = 32_767

STEP_ROUNDING = 0.51 / STEPS

# Rows that are packed together, and what keeps them from lying a power of two apart, where they
# would push each other out of the cache.
BAND = 64

PADDING = 16


@compiled
def fill_tile(tile: Any, first: Any, columns: Any, by_track: Any, unit: Any) -> None:
    """tile[c, t] = sum over the listeners v of first + c of h(v, first + c) * x(v, t)."""
    track_starts, listeners, times = by_track
    user_starts, tracks, units = unit
    for column in columns:
        row = tile[column]
        row[:] = 0.0
        for i in range(track_starts[first + column], track_starts[first + column + 1]):
            user = listeners[i]
            time = times[i]
            for j in range(user_starts[user], user_starts[user + 1]):
                row[tracks[j]] += time * units[j]


@compiled
def pack_rows(
    double: Any,
    start: Any,
    stop: Any,
    most_listed: Any,
    steps: Any,
    step: Any,
    dense: Any,
    bounds: Any,
    columns: Any,
    values: Any,
    greatest: Any,
) -> None:
    """The rows start..stop-1, listed in single precision or dense in steps, and their greatest.

    What is packed lies close together: the rows that many users need stay in the cache.
    """
    width = len(double)
    next_dense = start
    next_listed = start * most_listed
    # A few rows at a time, so that what is read of each column stays in the cache.
    band = np.empty((BAND, width + PADDING), dtype=np.float32)
    for band_start in range(start, stop, BAND):
        rows = min(BAND, stop - band_start)
        for column in range(width):
            part = double[column, band_start : band_start + rows]
            for row in range(rows):
                band[row, column] = part[row]
        for row in range(rows):
            track = band_start + row
            line = band[row, :width]
            entries, largest = _entries_and_greatest(line)
            greatest[track] = largest
            dense[track] = -1
            bounds[track, 0] = next_listed
            if entries > most_listed:
                dense[track] = next_dense
                step[track] = largest / np.float32(STEPS)
                _round_to_steps(line, step[track], steps[next_dense])
                next_dense += 1
            elif entries:
                for column in range(width):
                    if line[column] != 0:
                        columns[next_listed] = column
                        values[next_listed] = line[column]
                        next_listed += 1
            bounds[track, 1] = next_listed


@numba.njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})
def _entries_and_greatest(line: Any) -> Any:
    """How many values are not 0, and the greatest magnitude. There is no nan."""
    entries = 0
    greatest = np.float32(0)
    for place in range(len(line)):
        magnitude = abs(line[place])
        entries += magnitude > 0
        greatest = magnitude if magnitude > greatest else greatest
    return entries, greatest


@compiled
def _round_to_steps(line: Any, step: Any, steps: Any) -> None:
    """The values of a line in whole steps."""
    per_value = np.float32(1) / step
    for place in range(len(line)):
        steps[place] = np.int16(np.rint(line[place] * per_value))


@compiled
def find_survivors(
    first: Any,
    tile: Any,
    first_user: Any,
    entries: Any,
    units: Any,
    wanted: Any,
    threshold: Any,
    rounding: Any,
) -> Any:
    """Rows and columns (of the tile) of the scores that may not be below the floor of their user.

    The users are those from `first_user` on, as many as `wanted` has entries.
    """
    steps, step, dense, bounds, columns, values, greatest = tile
    starts, tracks, own = entries
    width = steps.shape[1]
    scores = np.zeros(width, dtype=np.float32)
    longest = 1
    for row in range(len(wanted)):
        longest = max(longest, starts[first_user + row + 1] - starts[first_user + row])
    dense_rows = np.empty(longest, dtype=np.int64)
    dense_units = np.empty(longest, dtype=np.float32)
    listed_tracks = np.empty(longest, dtype=np.int64)
    listed_units = np.empty(longest, dtype=np.float32)
    room = 4096
    found_rows = np.empty(room, dtype=np.int32)
    found_columns = np.empty(room, dtype=np.uint16)
    found = 0
    for row in range(len(wanted)):
        start = starts[first_user + row]
        stop = starts[first_user + row + 1]
        scores[:] = 0
        magnitude = 0.0
        dense_count = 0
        listed_count = 0
        for i in range(start, stop):
            track = tracks[i]
            magnitude += abs(units[i]) * greatest[track]
            if dense[track] >= 0:
                dense_rows[dense_count] = dense[track]
                dense_units[dense_count] = units[i] * step[track]
                dense_count += 1
            elif bounds[track, 0] < bounds[track, 1]:
                listed_tracks[listed_count] = track
                listed_units[listed_count] = units[i]
                listed_count += 1
            if first <= track < first + width:
                scores[track - first] = -own[i]
                magnitude += abs(own[i])
        floor = threshold[row] - CHAIN_ROOM
        if magnitude < floor or magnitude == 0:
            continue
        error = magnitude * ((stop - start + 6) * SINGLE_ROUNDING + STEP_ROUNDING)
        rounding[row] = max(rounding[row], error)

        fours = dense_count // 4 * 4
        for i in range(0, fours, 4):
            unit_0, unit_1 = dense_units[i], dense_units[i + 1]
            unit_2, unit_3 = dense_units[i + 2], dense_units[i + 3]
            row_0, row_1 = steps[dense_rows[i]], steps[dense_rows[i + 1]]
            row_2, row_3 = steps[dense_rows[i + 2]], steps[dense_rows[i + 3]]
            for column in range(width):
                scores[column] = (
                    (
                        (scores[column] + unit_0 * np.float32(row_0[column]))
                        + unit_1 * np.float32(row_1[column])
                    )
                    + unit_2 * np.float32(row_2[column])
                ) + unit_3 * np.float32(row_3[column])
        for i in range(fours, dense_count):
            unit_0, row_0 = dense_units[i], steps[dense_rows[i]]
            for column in range(width):
                scores[column] += unit_0 * np.float32(row_0[column])
        for i in range(listed_count):
            track = listed_tracks[i]
            for place in range(bounds[track, 0], bounds[track, 1]):
                scores[columns[place]] += listed_units[i] * values[place]

        lowest = max(floor - error, 0.0)
        if threshold[row] == 0 and wanted[row] < width:
            # The list is still empty: nothing below the wanted-th best of this tile can matter.
            best = kth_greatest(scores, wanted[row])
            lowest = max(lowest, best - 2 * error - CHAIN_ROOM)
        limit = np.float32(lowest)
        above = 0
        for column in range(width):
            above += scores[column] > limit
        if above == 0:
            continue
        if found + above > room:
            room = 2 * (found + above)
            found_rows = longer(found_rows, room)
            found_columns = longer(found_columns, room)
        for column in range(width):
            if scores[column] > limit:
                found_rows[found] = row
                found_columns[found] = column
                found += 1
    return found_rows[:found], found_columns[:found]


@compiled
def exact_scores(
    first: Any, tile: Any, first_user: Any, entries: Any, units: Any, rows: Any, columns: Any
) -> Any:
    """The scores at some places, each summed by ascending track, without the user's own part."""
    starts, tracks, own = entries
    scores = np.empty(len(rows))
    for place in range(len(rows)):
        line = tile[columns[place]]
        user = first_user + rows[place]
        score = 0.0
        own_part = 0.0
        for i in range(starts[user], starts[user + 1]):
            score += units[i] * line[tracks[i]]
            if tracks[i] == first + columns[place]:
                own_part = own[i]
        scores[place] = score - own_part
    return scores
