"""The kernels of `ubcf.scoring.ways.tiles`: tiles of G, their products with users, and selection.

A tile holds a range of columns of G. Its columns are kept exactly, in double precision, and its
rows packed into a `PackedTile`: the products with all users are limited by memory bandwidth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ubcf.scoring.kernels.selection import Kernel, compiled, compiled_with, kth_greatest, longer
from ubcf.scoring.matrices import FloatArray, Indexes, Int32Array, IntArray, Rows, SingleArray
from ubcf.scoring.tolerances import CHAIN_ROOM, SINGLE_ROUNDING

# A dense row is stored as 16-bit multiples of a step of its own, in half the bytes of single
# precision. The greatest magnitude is this many steps.
STEPS = 32_767

# An entry is off by half a step at most; as a share of the greatest magnitude, with some room.
STEP_ROUNDING = 0.51 / STEPS

# Rows that are packed together, so that what is read of each column stays in the cache.
BAND = 64

# Keeps rows of a band from lying a power of two apart, where they would evict each other from the
# cache.
PADDING = 16

# Room for the first survivors of a call.
FIRST_ROOM = 4096

StepArray = NDArray[np.int16]

TileColumns = NDArray[np.uint16]


class PackedTile(NamedTuple):
    """The rows of a tile in few bytes: dense rows in steps, sparse ones as lists of entries.

    Row t is steps[dense[t]] * step[t]; or, where dense[t] is -1, its entries are bounds[t, 0] to
    bounds[t, 1] - 1 of `columns` (of the tile) and `values`. greatest: of the magnitudes of each
    row. Shapes: steps (tracks, width); step, dense, greatest (tracks,); bounds (tracks, 2).
    """

    steps: StepArray
    step: SingleArray
    dense: Int32Array
    bounds: Indexes
    columns: TileColumns
    values: SingleArray
    greatest: FloatArray


class Terms(NamedTuple):
    """Working memory for the products that a user's score row adds up.

    dense_rows, dense_factors: rows of PackedTile.steps. listed_tracks, listed_factors: sparse rows.
    """

    dense_rows: Indexes
    dense_factors: SingleArray
    listed_tracks: Indexes
    listed_factors: SingleArray


@compiled
def fill_tile(tile: FloatArray, first: int, columns: IntArray, by_track: Rows, unit: Rows) -> None:
    """tile[c, t] = sum over the listeners v of first + c of h(v, first + c) * x(v, t).

    columns: those of the tile to fill. by_track: R transposed, tracks x users. unit: X.
    """
    for column in columns:
        row = tile[column]
        row[:] = 0.0
        for i in range(by_track.starts[first + column], by_track.starts[first + column + 1]):
            user, time = by_track.columns[i], by_track.values[i]
            for j in range(unit.starts[user], unit.starts[user + 1]):
                row[unit.columns[j]] += time * unit.values[j]


@compiled
def pack_rows(
    tile: FloatArray, start: int, stop: int, most_listed: int, packed: PackedTile
) -> None:
    """Packs the rows start..stop-1 of a tile, which comes as its columns, width x tracks.

    most_listed: rows with more entries become dense. Packed rows lie close together, so the rows
    that many users need stay in the cache.
    """
    width = len(tile)
    next_dense = start
    next_listed = start * most_listed
    band = np.empty((BAND, width + PADDING), dtype=np.float32)
    for band_start in range(start, stop, BAND):
        rows = min(BAND, stop - band_start)
        _copy_band(tile, band_start, rows, band)
        for row in range(rows):
            track = band_start + row
            line = band[row, :width]
            entries, largest = _entries_and_greatest(line)
            packed.greatest[track] = largest
            packed.dense[track] = -1
            packed.bounds[track, 0] = next_listed
            if entries > most_listed:
                packed.dense[track] = next_dense
                packed.step[track] = largest / np.float32(STEPS)
                _round_to_steps(line, packed.step[track], packed.steps[next_dense])
                next_dense += 1
            elif entries:
                for column in range(width):
                    if line[column] != 0:
                        packed.columns[next_listed] = column
                        packed.values[next_listed] = line[column]
                        next_listed += 1
            packed.bounds[track, 1] = next_listed


@compiled
def _copy_band(tile: FloatArray, band_start: int, rows: int, band: SingleArray) -> None:
    """Transposes rows of a tile, from `band_start` on, into a band, in single precision."""
    for column in range(len(tile)):
        entries = tile[column, band_start : band_start + rows]
        for row in range(rows):
            band[row, column] = entries[row]


def _compiled_without_nan(kernel: Kernel) -> Kernel:
    """As `compiled`, for input without nan, of which minima and maxima are vector instructions."""
    return compiled_with(kernel, fastmath={"nnan", "nsz"})


@_compiled_without_nan
def _entries_and_greatest(line: SingleArray) -> tuple[int, np.float32]:
    """The number of values that are not 0, and the greatest magnitude."""
    entries = 0
    greatest = np.float32(0)
    for column in range(len(line)):
        magnitude = abs(line[column])
        entries += magnitude > 0
        greatest = magnitude if magnitude > greatest else greatest
    return entries, greatest


@compiled
def _round_to_steps(line: SingleArray, step: float, steps: StepArray) -> None:
    """Fills `steps` with the values of a line as multiples of a step."""
    per_value = np.float32(1) / step
    for column in range(len(line)):
        steps[column] = np.int16(np.rint(line[column] * per_value))


@compiled
def find_survivors(
    first: int,
    tile: PackedTile,
    units: SingleArray,
    self_terms: Rows,
    list_lengths: Indexes,
    threshold: FloatArray,
    rounding: FloatArray,
    withheld: Indexes,
) -> tuple[Int32Array, TileColumns]:
    """Users and columns of the scores that may be at or above the floor of their user.

    first: the first track of the tile. units: X in single precision, with the starts and columns of
    `self_terms`, users x tracks. list_lengths, threshold, rounding: as in ubcf.scoring.ways.tiles.
    Candidates, of the same users; raises rounding. withheld: columns of the tile that enter no
    list. Returned columns are those of the tile.
    """
    starts = self_terms.starts
    width = tile.steps.shape[1]
    scores = np.zeros(width, dtype=np.float32)
    terms = _terms_for(np.diff(starts).max())
    found_rows = np.empty(FIRST_ROOM, dtype=np.int32)
    found_columns = np.empty(FIRST_ROOM, dtype=np.uint16)
    found = 0
    for row in range(len(list_lengths)):
        scores[:] = 0
        dense, listed, magnitude = _gather_terms(row, first, tile, units, self_terms, terms, scores)
        floor = threshold[row] - CHAIN_ROOM
        if magnitude < floor or magnitude == 0:
            continue
        additions = starts[row + 1] - starts[row] + 6
        error = magnitude * (additions * SINGLE_ROUNDING + STEP_ROUNDING)
        rounding[row] = max(rounding[row], error)
        _add_dense_rows(tile.steps, terms, dense, scores)
        _add_listed_rows(tile, terms, listed, scores)
        for column in withheld:
            scores[column] = 0
        lowest = max(floor - error, 0.0)
        if threshold[row] == 0 and list_lengths[row] < width:
            # No list yet: a score below the last one of a list from this tile alone is of no use.
            last = kth_greatest(scores, list_lengths[row])
            lowest = max(lowest, last - 2 * error - CHAIN_ROOM)
        limit = np.float32(lowest)
        above = 0
        for column in range(width):
            above += scores[column] > limit
        if above == 0:
            continue
        if found + above > len(found_rows):
            found_rows = longer(found_rows, 2 * (found + above))
            found_columns = longer(found_columns, 2 * (found + above))
        for column in range(width):
            if scores[column] > limit:
                found_rows[found] = row
                found_columns[found] = column
                found += 1
    return found_rows[:found], found_columns[:found]


@compiled
def _terms_for(length: int) -> Terms:
    """Working memory for users with up to this many tracks."""
    return Terms(
        np.empty(length, dtype=np.int64),
        np.empty(length, dtype=np.float32),
        np.empty(length, dtype=np.int64),
        np.empty(length, dtype=np.float32),
    )


@compiled
def _gather_terms(
    row: int,
    first: int,
    tile: PackedTile,
    units: SingleArray,
    self_terms: Rows,
    terms: Terms,
    scores: SingleArray,
) -> tuple[int, int, float]:
    """Collects the terms of a user: returns how many are dense, how many listed, and a magnitude.

    The magnitude is an upper bound of the sum of the terms' magnitudes, of any column. Subtracts
    the self terms from `scores`, zeros for every column of the tile.
    """
    width = len(scores)
    magnitude = 0.0
    dense = 0
    listed = 0
    for i in range(self_terms.starts[row], self_terms.starts[row + 1]):
        track = self_terms.columns[i]
        magnitude += abs(units[i]) * tile.greatest[track]
        if tile.dense[track] >= 0:
            terms.dense_rows[dense] = tile.dense[track]
            terms.dense_factors[dense] = units[i] * tile.step[track]
            dense += 1
        elif tile.bounds[track, 0] < tile.bounds[track, 1]:
            terms.listed_tracks[listed] = track
            terms.listed_factors[listed] = units[i]
            listed += 1
        if first <= track < first + width:
            scores[track - first] = -self_terms.values[i]
            magnitude += abs(self_terms.values[i])
    return dense, listed, magnitude


@compiled
def _add_dense_rows(steps: StepArray, terms: Terms, count: int, scores: SingleArray) -> None:
    """Adds the dense rows to the scores, four at a time: scores are read and written less often."""
    rows, factors = terms.dense_rows, terms.dense_factors
    width = len(scores)
    fours = count // 4 * 4
    for i in range(0, fours, 4):
        factor_0, factor_1 = factors[i], factors[i + 1]
        factor_2, factor_3 = factors[i + 2], factors[i + 3]
        row_0, row_1 = steps[rows[i]], steps[rows[i + 1]]
        row_2, row_3 = steps[rows[i + 2]], steps[rows[i + 3]]
        for column in range(width):
            scores[column] = (
                (
                    (scores[column] + factor_0 * np.float32(row_0[column]))
                    + factor_1 * np.float32(row_1[column])
                )
                + factor_2 * np.float32(row_2[column])
            ) + factor_3 * np.float32(row_3[column])
    for i in range(fours, count):
        factor_0, row_0 = factors[i], steps[rows[i]]
        for column in range(width):
            scores[column] += factor_0 * np.float32(row_0[column])


@compiled
def _add_listed_rows(tile: PackedTile, terms: Terms, count: int, scores: SingleArray) -> None:
    """Adds the sparse rows to the scores, entry by entry."""
    for i in range(count):
        track, factor = terms.listed_tracks[i], terms.listed_factors[i]
        for j in range(tile.bounds[track, 0], tile.bounds[track, 1]):
            scores[tile.columns[j]] += factor * tile.values[j]


@compiled
def exact_scores(
    first: int,
    tile: FloatArray,
    units: FloatArray,
    self_terms: Rows,
    rows: Int32Array,
    columns: TileColumns,
) -> FloatArray:
    """The scores of rows[i] for the columns[i] of a tile in double precision: shape of `rows`.

    tile: width x tracks, from the track `first` on. units: X, with the starts and columns of
    `self_terms`, users x tracks. Sums go by ascending track; the self term is subtracted last.
    """
    starts, tracks, terms = self_terms
    scores = np.empty(len(rows))
    for i in range(len(rows)):
        line = tile[columns[i]]
        user = rows[i]
        score = 0.0
        self_term = 0.0
        for entry in range(starts[user], starts[user + 1]):
            score += units[entry] * line[tracks[entry]]
            if tracks[entry] == first + columns[i]:
                self_term = terms[entry]
        scores[i] = score - self_term
    return scores
