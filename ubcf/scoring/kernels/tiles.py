"""The kernels of `ubcf.scoring.ways.tiles`: tiles of G, their products with users, and selection.

Most scores are far below all lists. So the columns of a tile are divided into planes of 32, and the
greatest entry of each row of a plane bounds what this row adds to a score: a plane that cannot hold
a score of a user's list is not multiplied. A first part of a product shows that of many others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ubcf.scoring.kernels.prefetch import ROWS_AHEAD, prefetch_row
from ubcf.scoring.kernels.selection import (
    Kernel,
    compiled,
    compiled_with,
    kth_greatest,
    longer,
    row_of,
)
from ubcf.scoring.kernels.vectors import BYTES, LANES, add_rows
from ubcf.scoring.matrices import FloatArray, Indexes, Int32Array, IntArray, Rows, SingleArray
from ubcf.scoring.tolerances import CHAIN_ROOM, SINGLE_ROUNDING

# The greatest magnitude of a row is this many steps: half the bytes of single precision.
STEPS = 32_767

# An entry is off by half a step at most; as a share of the greatest magnitude, with some room.
STEP_ROUNDING = 0.51 / STEPS

# Columns of a plane.
PLANE = LANES

# Planes of a tile at most: the bounds of a row are as long as a row of a plane.
MOST_PLANES = PLANE

# The rows of the first, most popular tracks make the first part of a product: those of a plane stay
# in the processor cache.
POPULAR = 8192

# Room for the first survivors of a call.
FIRST_ROOM = 4096


class PackedTile(NamedTuple):
    """A tile of G in 16-bit multiples of a step, one for each row.

    planes[p, t, c] * step[t] is the entry of row t in the column PLANE * p + c of the tile.
    bounds[t, p] is the greatest of planes[p, t], at least 0, and bounds[tracks + t, p] that of
    -planes[p, t]. Shapes: planes (planes, tracks, PLANE), bounds (2 * tracks, MOST_PLANES), step
    (tracks,).
    """

    planes: NDArray[np.int16]
    bounds: NDArray[np.int16]
    step: SingleArray


class UserRows(NamedTuple):
    """Rows of X in single precision, and what is subtracted from their products with G.

    The entries starts[u] to starts[u + 1] - 1 of tracks, units and self_terms are those of user u;
    inside[u]: the first of them in the tile, and the first one after it.
    """

    starts: IntArray
    tracks: Int32Array
    units: SingleArray
    self_terms: FloatArray
    inside: IntArray


def _compiled_without_nan(kernel: Kernel) -> Kernel:
    """As `compiled`, for input without nan, of which minima and maxima are vector instructions."""
    return compiled_with(kernel, fastmath={"nnan", "nsz"})


@compiled
def find_inside(first: int, stop: int, heard: Rows, inside: IntArray) -> None:
    """Fills inside[u] with the positions of the entries of row u in the columns first..stop-1."""
    for user in range(len(inside)):
        start = heard.starts[user]
        columns = heard.columns[start : heard.starts[user + 1]]
        inside[user, 0] = start + np.searchsorted(columns, first)
        inside[user, 1] = start + np.searchsorted(columns, stop)


@compiled
def pack_rows(
    start: int,
    stop: int,
    first: int,
    listeners: Rows,
    heard: Rows,
    inside: IntArray,
    tile: PackedTile,
) -> None:
    """Fills the rows start..stop-1 of a tile from the track `first` on.

    G(t, c) = sum over users v of x(v, t) * h(v, c). listeners: X transposed, tracks x users. heard:
    R, users x tracks. inside: as in UserRows.
    """
    planes, bounds, step = tile
    line = np.zeros((len(planes), PLANE))
    entries = line.ravel()
    for track in range(start, stop):
        for i in range(listeners.starts[track], listeners.starts[track + 1]):
            user, unit = listeners.columns[i], listeners.values[i]
            for j in range(inside[user, 0], inside[user, 1]):
                entries[heard.columns[j] - first] += unit * heard.values[j]
        greatest = _greatest_magnitude(entries)
        step[track] = greatest / STEPS
        per_value = STEPS / greatest if greatest > 0 else 0.0
        for number in range(len(planes)):
            row, packed = line[number], planes[number, track]
            most, least = np.int16(0), np.int16(0)
            for column in range(PLANE):
                value = np.int16(np.rint(row[column] * per_value))
                packed[column] = value
                most, least = max(most, value), min(least, value)
            bounds[track, number] = most
            bounds[len(step) + track, number] = -least
        entries[:] = 0


@_compiled_without_nan
def _greatest_magnitude(values: FloatArray) -> float:
    """The greatest magnitude of the values."""
    greatest = 0.0
    for i in range(len(values)):
        greatest = max(greatest, abs(values[i]))
    return greatest


@compiled
def find_survivors(
    first: int,
    tile: PackedTile,
    users: UserRows,
    list_lengths: Indexes,
    threshold: FloatArray,
    rounding: FloatArray,
    withheld: NDArray[np.bool_],
) -> tuple[Int32Array, Int32Array]:
    """Users and columns of the scores that may be at or above the floor of their user.

    first: the first track of the tile. users: some consecutive ones, whose numbers begin at 0.
    list_lengths, threshold, rounding: as in ubcf.scoring.ways.tiles.Candidates, of the same users;
    raises rounding. withheld: whether each column of the tile enters no list; (0,): each may enter
    one. Returned columns are those of the tile.
    """
    factors = np.empty(users.starts[len(list_lengths)] - users.starts[0], dtype=np.float32)
    bounds = _bounds(first, tile, users, factors, list_lengths, threshold, rounding, withheld)
    return _scores_above(first, tile, users, factors, bounds, withheld)


class Bounds(NamedTuple):
    """What decides which planes are multiplied with which users: arrays with a row for each user.

    limits: what a score must exceed, shape (users,). popular: the number of popular tracks, shape
    (users,). greatest: bounds of the scores by plane. rest: of what other tracks add to them.
    """

    limits: SingleArray
    popular: Int32Array
    greatest: NDArray[np.float32]
    rest: NDArray[np.float32]


@compiled
def _scores_above(
    first: int,
    tile: PackedTile,
    users: UserRows,
    factors: SingleArray,
    bounds: Bounds,
    withheld: NDArray[np.bool_],
) -> tuple[Int32Array, Int32Array]:
    """Users and columns of the scores above the limits; see find_survivors.

    factors: of the rows of the planes, for each entry of the users.
    """
    starts = users.starts
    found_rows = np.empty(FIRST_ROOM, dtype=np.int32)
    found_columns = np.empty(FIRST_ROOM, dtype=np.int32)
    found = 0
    scores = np.zeros(PLANE, dtype=np.float32)
    tracks_at, scores_at = users.tracks.ctypes.data, scores.ctypes.data
    factors_at = factors.ctypes.data - BYTES * starts[0]
    for number in range(len(tile.planes)):
        plane_at = tile.planes[number].ctypes.data
        for row in range(len(bounds.limits)):
            limit = bounds.limits[row]
            if not bounds.greatest[row, number] > limit:
                continue
            _subtract_self_terms(row, first + PLANE * number, users, scores)
            popular, skipped = bounds.popular[row], BYTES * starts[row]
            most = add_rows(plane_at, tracks_at + skipped, factors_at + skipped, popular, scores_at)
            if most + bounds.rest[row, number] <= limit:
                continue
            others = starts[row + 1] - starts[row] - popular
            skipped += BYTES * popular
            most = add_rows(plane_at, tracks_at + skipped, factors_at + skipped, others, scores_at)
            if most <= limit:
                continue
            _withhold(withheld, PLANE * number, scores)
            if found + PLANE > len(found_rows):
                found_rows = longer(found_rows, 2 * (found + PLANE))
                found_columns = longer(found_columns, 2 * (found + PLANE))
            for column in range(PLANE):
                found_rows[found] = row
                found_columns[found] = PLANE * number + column
                found += scores[column] > limit
    return found_rows[:found], found_columns[:found]


@compiled
def _bounds(
    first: int,
    tile: PackedTile,
    users: UserRows,
    factors: SingleArray,
    list_lengths: Indexes,
    threshold: FloatArray,
    rounding: FloatArray,
    withheld: NDArray[np.bool_],
) -> Bounds:
    """Fills factors, see _scores_above, and raises rounding; other arguments: see find_survivors.

    What a row of a plane adds is at most its factor's magnitude times its greatest entry, of the
    sign of the factor. Sums of such bounds are rounded like the scores.
    """
    starts, tracks, units, self_terms, inside = users
    count = len(list_lengths)
    limits = np.full(count, np.inf, dtype=np.float32)
    popular = np.zeros(count, dtype=np.int32)
    greatest = np.zeros((count, MOST_PLANES), dtype=np.float32)
    rest = np.zeros((count, MOST_PLANES), dtype=np.float32)
    longest = np.diff(starts).max()
    # Rows of the bounds, and what they are multiplied with.
    rows, sizes = np.empty(longest, dtype=np.int32), np.empty(longest, dtype=np.float32)
    rows_at, sizes_at, bounds_at = rows.ctypes.data, sizes.ctypes.data, tile.bounds.ctypes.data
    greatest_at, rest_at = greatest.ctypes.data, rest.ctypes.data
    for row in range(count):
        start, length = starts[row], starts[row + 1] - starts[row]
        steps = 0.0
        for i in range(length):
            track, unit = tracks[start + i], units[start + i]
            factor = unit * tile.step[track]
            factors[start - starts[0] + i] = factor
            sizes[i] = abs(factor)
            steps += sizes[i]
            popular[row] += track < POPULAR
            rows[i] = track + len(tile.step) * (unit < 0)
        magnitude = steps * STEPS
        for i in range(inside[row, 0], inside[row, 1]):
            magnitude += abs(self_terms[i])
        floor = threshold[row] - CHAIN_ROOM
        if magnitude < floor or magnitude == 0:
            continue
        error = magnitude * ((length + 6) * SINGLE_ROUNDING + STEP_ROUNDING)
        rounding[row] = max(rounding[row], error)
        limits[row] = max(floor - error, 0.0)
        if threshold[row] == 0 and list_lengths[row] < len(tile.planes) * PLANE:
            # No list yet: a score below the last one of a list from this tile alone is of no use.
            last = _last_of_list(row, first, tile, users, factors, list_lengths[row], withheld)
            limits[row] = max(limits[row], last - 2 * error - CHAIN_ROOM)
        skipped, of_row = BYTES * popular[row], BYTES * MOST_PLANES * row
        add_rows(
            bounds_at,
            rows_at + skipped,
            sizes_at + skipped,
            length - popular[row],
            rest_at + of_row,
        )
        add_rows(bounds_at, rows_at, sizes_at, popular[row], greatest_at + of_row)
        for plane in range(MOST_PLANES):
            greatest[row, plane] += rest[row, plane]
        for i in range(inside[row, 0], inside[row, 1]):
            greatest[row, (tracks[i] - first) // PLANE] += max(-self_terms[i], 0.0)
    return Bounds(limits, popular, greatest, rest)


@compiled
def _last_of_list(
    row: int,
    first: int,
    tile: PackedTile,
    users: UserRows,
    factors: SingleArray,
    length: int,
    withheld: NDArray[np.bool_],
) -> float:
    """The last score of a list of this length that a user would have from a tile alone."""
    scores = np.empty((len(tile.planes), PLANE), dtype=np.float32)
    start, entries = users.starts[row], users.starts[row + 1] - users.starts[row]
    for number in range(len(tile.planes)):
        of_plane = scores[number]
        _subtract_self_terms(row, first + PLANE * number, users, of_plane)
        add_rows(
            tile.planes[number].ctypes.data,
            users.tracks.ctypes.data + BYTES * start,
            factors.ctypes.data + BYTES * (start - users.starts[0]),
            entries,
            of_plane.ctypes.data,
        )
        _withhold(withheld, PLANE * number, of_plane)
    return kth_greatest(scores.ravel(), length)


@compiled
def _subtract_self_terms(row: int, first: int, users: UserRows, scores: SingleArray) -> None:
    """Sets the scores of a user in the plane of the track `first` to 0, less the self terms."""
    for column in range(PLANE):
        scores[column] = 0
    for i in range(users.inside[row, 0], users.inside[row, 1]):
        if first <= users.tracks[i] < first + PLANE:
            scores[users.tracks[i] - first] = -users.self_terms[i]


@compiled
def _withhold(withheld: NDArray[np.bool_], start: int, scores: SingleArray) -> None:
    """Sets the scores of a plane to 0 that enter no list; start: its first column in the tile."""
    for column in range(min(len(withheld) - start, PLANE)):
        if withheld[start + column]:
            scores[column] = 0


@compiled
def ordered(numbers: Int32Array, count: int) -> tuple[Indexes, NDArray[np.uint32]]:
    """A stable order by numbers below `count`, and where in it each number starts.

    The starts have the shape (count + 1,), the order that of `numbers`.
    """
    starts = np.zeros(count + 1, dtype=np.int64)
    for number in numbers:
        starts[number + 1] += 1
    starts = np.cumsum(starts)
    order = np.empty(len(numbers), dtype=np.uint32)
    ends = starts.copy()
    for i in range(len(numbers)):
        order[ends[numbers[i]]] = i
        ends[numbers[i]] += 1
    return starts, order


@compiled
def exact_scores(
    first: int,
    columns: IntArray,
    starts: Indexes,
    order: NDArray[np.uint32],
    users: Int32Array,
    by_track: Rows,
    unit: Rows,
    self_terms: FloatArray,
    scores: FloatArray,
) -> None:
    """Fills `scores` with those of users[i] for their columns, in double precision.

    first: the first track of the tile. columns: those of the tile whose scores are filled. starts,
    order: as of `ordered`, by column. by_track: R transposed, tracks x users. unit: X, with the
    entries of self_terms. Sums go by ascending track; the self term is subtracted last.
    """
    products = np.zeros(len(by_track.starts) - 1)
    for column in columns:
        if starts[column] == starts[column + 1]:
            continue
        track = first + column
        listeners, times = row_of(by_track, track)
        for i in range(len(listeners)):
            for j in range(unit.starts[listeners[i]], unit.starts[listeners[i] + 1]):
                products[unit.columns[j]] += times[i] * unit.values[j]
        for position in range(starts[column], starts[column + 1]):
            if position + ROWS_AHEAD < starts[column + 1]:
                prefetch_row(unit, users[order[position + ROWS_AHEAD]])
            user = users[order[position]]
            score = 0.0
            self_term = 0.0
            for j in range(unit.starts[user], unit.starts[user + 1]):
                score += unit.values[j] * products[unit.columns[j]]
                if unit.columns[j] == track:
                    self_term = self_terms[j]
            scores[order[position]] = score - self_term
        for i in range(len(listeners)):
            for j in range(unit.starts[listeners[i]], unit.starts[listeners[i] + 1]):
                products[unit.columns[j]] = 0.0
