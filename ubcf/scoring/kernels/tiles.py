"""The tiles of tiles.py compiled by numba: the products and the selection in one pass.

Only imported when numba is there (the extra `ubcf[fast]`). The results are those of DenseTiles.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ubcf.scoring.kernels.selection import compiled, longer, wanted_th
from ubcf.scoring.matrices import FloatArray
from ubcf.scoring.parallel import do_all
from ubcf.scoring.ranking import CHAIN_ROOM
from ubcf.scoring.ways.tiles import (
    SINGLE_ROUNDING,
    TILE_WIDTH,
    Candidates,
    Int32Array,
    TiledMatrices,
)

# Rows of a tile with a greater share of entries than this are multiplied densely, by vector
# instructions; the others entry by entry: fetching a long row of zeros from memory costs more.
MOST_LISTED = 0.12

# Dense rows are kept as whole multiples of a step of their own, half the bytes of single precision:
# their products wait for memory, not for the processor. The greatest magnitude is so many steps, so
# an entry is off by half a step at most, which is this share of the greatest.
STEPS = 32_767
STEP_ROUNDING = 0.51 / STEPS

# Rows that are packed together, and what keeps them from lying a power of two apart, where they
# would push each other out of the cache.
BAND = 64
PADDING = 16


class CompiledTiles:
    """Tiles by compiled loops."""

    def __init__(self, matrices: TiledMatrices, width: int = TILE_WIDTH) -> None:
        """Takes the memory for tiles of `width` columns."""
        self._matrices = matrices
        tracks = matrices.by_user.shape[1]
        self.width = width = min(width, tracks)
        self._first = 0
        self._most_listed = int(MOST_LISTED * width)
        # G is symmetric: its columns in double precision are kept as rows.
        self._double = np.empty((width, tracks))
        # For the products row t is row dense[t] of `steps` times step[t]; or, where dense[t] is -1,
        # its entries are listed from bounds[t, 0] to before bounds[t, 1].
        self._room = np.empty(tracks * width, dtype=np.int16)
        self._steps = self._room.reshape(tracks, width)
        self._step = np.empty(tracks, dtype=np.float32)
        self._dense = np.empty(tracks, dtype=np.int32)
        self._bounds = np.empty((tracks, 2), dtype=np.int64)
        self._columns = np.empty(tracks * self._most_listed, dtype=np.uint16)
        self._values = np.empty(tracks * self._most_listed, dtype=np.float32)
        self._greatest = np.empty(tracks)

    def load(self, first: int, stop: int, pool: ThreadPoolExecutor) -> None:
        """See Tiles."""
        self._first, width = first, stop - first
        tracks = len(self._greatest)
        self._steps = self._room[: tracks * width].reshape(tracks, width)
        double = self._double[:width]
        by_track, unit = self._matrices.by_track, self._matrices.unit

        def fill(columns: NDArray[np.int64]) -> None:
            _fill(
                double,
                first,
                columns,
                (by_track.indptr, by_track.indices, by_track.data),
                (unit.indptr, unit.indices, unit.data),
            )

        def pack(rows: NDArray[np.int64]) -> None:
            _pack(
                double,
                rows[0],
                rows[-1] + 1,
                self._most_listed,
                self._steps,
                self._step,
                self._dense,
                self._bounds,
                self._columns,
                self._values,
                self._greatest,
            )

        # Columns in turn: the popular ones, which take longest, are the first.
        do_all(pool, fill, [np.arange(start, width, 16) for start in range(min(width, 16))])
        do_all(pool, pack, np.array_split(np.arange(tracks), min(tracks, 16)))

    def survivors(self, candidates: Candidates) -> tuple[Int32Array, Int32Array, FloatArray]:
        """See Tiles."""
        by_user, unit = self._matrices.by_user, self._matrices.unit
        entries = by_user.indptr, by_user.indices, self._matrices.own
        packed = (self._steps, self._step, self._dense, self._bounds, self._columns, self._values)
        rows, columns = _near_or_above_floor(
            self._first,
            (*packed, self._greatest),
            candidates.first,
            entries,
            self._matrices.single,
            candidates.wanted,
            candidates.threshold,
            candidates.rounding,
        )
        by_column = np.argsort(columns, kind="stable")
        rows, columns = rows.take(by_column), columns.take(by_column)
        values = _exact(
            self._first, self._double, candidates.first, entries, unit.data, rows, columns
        )
        return rows, columns.astype(np.int32) + np.int32(self._first), values


@compiled
def _fill(tile: Any, first: Any, columns: Any, by_track: Any, unit: Any) -> None:
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
def _pack(
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
def _near_or_above_floor(
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
            best = wanted_th(scores, wanted[row])
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
def _exact(
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
