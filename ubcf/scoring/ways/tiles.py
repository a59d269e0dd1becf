"""Scores from the tracks' side: X G - D R with G = X' R, a tile of columns of G at a time.

The same scores as similarity times interactions (scoring.py), by the associative law:
S R = (X X' - D) R = X (X' R) - D R, where D is 1 for users with a non-zero row (their similarity to
themselves, which must not count). G is tracks x tracks however many users there are, so the cost of
a user does not grow with their number.

G is never held whole: tiles of its columns, the popular tracks first, are made dense. For each user
single precision finds the few columns of a tile that may enter the list, with a bound of its own
rounding error; those are scored again in double precision. What decides is the double precision
alone, so the lists are the same, to the byte, as from any other way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.matrices import FloatArray, Indexes, row_of_each_entry
from ubcf.scoring.parallel import do_all, in_turn
from ubcf.scoring.ranking import best_first_by_row, count_positive, merged, place_in_row
from ubcf.scoring.tolerances import CHAIN_ROOM, EQUALITY_GAP, SINGLE_ROUNDING
from ubcf.scoring.ways.blocks import (
    NOT_COUNTED,
    ScoringJob,
    UserBlock,
    block_without_neighbors,
    recommended,
    scores_of,
    weights_of,
    with_neighbors,
)

# Columns of a tile at most. Wide: the products are twice as fast on long rows.
TILE_WIDTH = 1024

# Bytes of a tile for each track and column, by whether it is compiled: exact, packed, and what
# packing takes.
TILE_BYTES = {False: 14, True: 11}

# Bytes that the candidates of a user take for each track wanted, with the copies ranking makes.
CANDIDATE_BYTES = 40

# Users of a block: small enough for its scores to stay in the processor cache.
USERS_PER_BLOCK = 512

# Candidates are ranked anew, and the threshold raised, when this share of the lists has come in.
RANKED_AT = 0.25

Single = NDArray[np.float32]

Int32Array = NDArray[np.int32]


@dataclass(frozen=True)
class TiledMatrices:
    """What the tiles are made of. `by_user` and `unit` share their indexes and index pointers.

    by_user: R, users x tracks. unit: X. by_track: R transposed, tracks x users. single: the values
    of X in single precision. own: what X G has too much, for each entry of R.
    """

    by_user: sparse.csr_array
    unit: sparse.csr_array
    by_track: sparse.csr_array
    single: Single
    own: FloatArray

    @classmethod
    def of(
        cls, interactions: sparse.csr_array, unit: sparse.csr_array, own: FloatArray
    ) -> TiledMatrices:
        """The matrices for R and X, both users x tracks with the same stored entries."""
        by_track = sparse.csr_array(interactions.T.tocsr())
        return cls(interactions, unit, by_track, unit.data.astype(np.float32), own)


@dataclass
class Candidates:
    """The columns that may enter the lists of the users first..stop-1, found tile by tile.

    wanted: how many columns each user wants, shape (users,). threshold: the wanted-th best score
    that each user has so far, 0 where there are fewer. rounding: the greatest error that single
    precision may have made: a positive score below it may have been missed.
    """

    first: int
    stop: int
    wanted: Indexes
    threshold: FloatArray
    rounding: FloatArray
    rows: list[Int32Array] = field(default_factory=list)
    columns: list[Int32Array] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)
    waiting: int = 0

    @classmethod
    def none_yet(cls, first: int, wanted: Indexes) -> Candidates:
        """No candidates so far, of as many users as `wanted` has entries."""
        users = len(wanted)
        return cls(first, first + users, wanted, np.zeros(users), np.zeros(users))

    @property
    def floor(self) -> FloatArray:
        """Scores below this are of no use to a user: shape (users,)."""
        return self.threshold - CHAIN_ROOM

    def add(self, rows: Int32Array, columns: Int32Array, values: FloatArray) -> None:
        """More candidates, of columns that were not seen before; rows count from `first`.

        values: their exact scores; those that are of no use are left out.
        """
        kept = np.flatnonzero((values >= self.floor.take(rows)) & (values > 0))
        if not len(kept):
            return
        self.rows.append(rows.take(kept))
        self.columns.append(columns.take(kept))
        self.values.append(values.take(kept))
        self.waiting += len(kept)
        if self.waiting >= RANKED_AT * self.wanted.sum():
            self.rank()

    def rank(self) -> None:
        """Keeps what may still enter a list, and raises the thresholds."""
        rows, columns = np.concatenate(self.rows), np.concatenate(self.columns)
        values = np.concatenate(self.values)
        order = best_first_by_row(rows, values)
        rows, columns, values = rows.take(order), columns.take(order), values.take(order)
        lengths = np.bincount(rows, minlength=len(self.wanted))
        ends = np.cumsum(lengths)
        full = np.flatnonzero(lengths >= self.wanted)
        last = (ends - lengths + self.wanted - 1).take(full)
        self.threshold[full] = values.take(last)
        kept = np.flatnonzero(values >= self.floor.take(rows))
        self.rows, self.columns = [rows.take(kept)], [columns.take(kept)]
        self.values, self.waiting = [values.take(kept)], 0

    def finished(self, tracks: int) -> tuple[sparse.csr_array, Indexes]:
        """The candidates as a users x tracks matrix, and the rows whose lists they decide.

        A list is decided when enough scores stand clearly above 0, and the equality chain of the
        last one ends among the candidates.
        """
        if not self.rows:
            return sparse.csr_array((len(self.wanted), tracks)), np.empty(0, dtype=np.int64)
        self.rank()
        (rows,), (columns,), (values,) = self.rows, self.columns, self.values
        lengths = np.bincount(rows, minlength=len(self.wanted))
        place = place_in_row(rows, len(self.wanted))
        below = np.append(values[1:], 0.0)
        is_last = place == lengths.take(rows) - 1
        below[is_last] = self.floor.take(rows[is_last])
        ends = (values - below >= EQUALITY_GAP) & (place >= self.wanted.take(rows) - 1)
        chain_ends = np.bincount(rows[ends], minlength=len(self.wanted)) > 0
        decided = np.flatnonzero(
            chain_ends & (self.floor > self.rounding) & (self.floor > EQUALITY_GAP)
        )
        matrix = sparse.csr_array((values, (rows, columns)), shape=(len(self.wanted), tracks))
        return matrix, decided


class Tiles(Protocol):
    """One tile of G at a time, ready to be multiplied with."""

    width: int

    def load(self, first: int, stop: int, pool: ThreadPoolExecutor) -> None:
        """Makes the tile of the columns first..stop-1, at most `width`, on the pool's threads."""

    def survivors(self, candidates: Candidates) -> tuple[Int32Array, Int32Array, FloatArray]:
        """Rows, columns and exact scores of all that may not be below the floor of a user.

        Raises `candidates.rounding` to the error that may have been made in finding them.
        """


def tiles_for(matrices: TiledMatrices, width: int, *, compiled: bool) -> Tiles:
    """Tiles of `width` columns: compiled by numba, which has to be installed, or by scipy."""
    if compiled:
        return CompiledTiles(matrices, width)
    return DenseTiles(matrices, width)


def find_candidates(
    tiles: Tiles,
    wanted: Indexes,
    users: range,
    tracks: int,
    *,
    pool: ThreadPoolExecutor,
    advance: Callable[[float], None],
) -> Iterator[Candidates]:
    """The candidates of consecutive users, block by block, after all tiles.

    wanted: how many columns each user of all wants. advance: is told the share of the work that was
    done since the last call.
    """
    blocks = [
        Candidates.none_yet(first, wanted[first : min(first + USERS_PER_BLOCK, users.stop)])
        for first in range(users.start, users.stop, USERS_PER_BLOCK)
    ]

    def look(block: Candidates) -> None:
        block.add(*tiles.survivors(block))

    for first in range(0, tracks, tiles.width):
        stop = min(first + tiles.width, tracks)
        tiles.load(first, stop, pool)
        do_all(pool, look, blocks)
        advance((stop - first) / tracks)
    yield from blocks


class DenseTiles:
    """Tiles by numpy and scipy: sparse products make them, sparse times dense uses them."""

    def __init__(self, matrices: TiledMatrices, width: int = TILE_WIDTH) -> None:
        """Takes the memory for tiles of `width` columns."""
        self._matrices = matrices
        tracks = matrices.by_user.shape[1]
        self.width = width = min(width, tracks)
        # G is symmetric: its columns in double precision are kept as rows.
        self._double = np.empty((width, tracks))
        self._room = np.empty(tracks * width, dtype=np.float32)
        self._single = self._room.reshape(tracks, width)
        self._greatest = np.empty(tracks)
        self._first = self._stop = 0

    def load(self, first: int, stop: int, pool: ThreadPoolExecutor) -> None:
        """See Tiles."""
        width = stop - first
        self._first, self._stop = first, stop
        matrices = self._matrices
        tracks = len(self._greatest)
        self._single = self._room[: tracks * width].reshape(tracks, width)

        def fill(columns: NDArray[np.int64]) -> None:
            start, end = int(columns[0]), int(columns[-1]) + 1
            product = matrices.by_track[first + start : first + end] @ matrices.unit
            product.toarray(out=self._double[start:end])

        def pack(rows: NDArray[np.int64]) -> None:
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            self._single[part] = self._double[:width, part].T
            self._greatest[part] = np.maximum(
                self._single[part].max(axis=1), -self._single[part].min(axis=1)
            )

        do_all(pool, fill, np.array_split(np.arange(width), min(width, 32)))
        do_all(pool, pack, np.array_split(np.arange(tracks), min(tracks, 32)))

    def survivors(self, candidates: Candidates) -> tuple[Int32Array, Int32Array, FloatArray]:
        """See Tiles."""
        matrices, first = self._matrices, self._first
        starts = matrices.by_user.indptr[candidates.first : candidates.stop + 1]
        entries = slice(starts[0], starts[-1])
        starts = starts - starts[0]
        tracks = matrices.by_user.indices[entries]
        shape = (len(candidates.wanted), matrices.by_user.shape[1])
        unit = sparse.csr_array((matrices.single[entries], tracks, starts), shape=shape)
        scores: Single = unit @ self._single

        inside = np.flatnonzero((tracks >= first) & (tracks < self._stop))
        row = row_of_each_entry(unit)
        own_places = row.take(inside) * scores.shape[1] + (tracks.take(inside) - first)
        own_values = matrices.own[entries].take(inside)
        scores.ravel()[own_places] -= own_values.astype(np.float32)

        magnitude = abs(unit) @ self._greatest
        magnitude += np.bincount(row.take(inside), np.abs(own_values), minlength=shape[0])
        rounding = magnitude * (np.diff(starts) + 4) * SINGLE_ROUNDING
        np.maximum(candidates.rounding, rounding, out=candidates.rounding)
        lowest = np.maximum(candidates.floor - rounding, 0.0)
        new = np.flatnonzero((candidates.threshold == 0) & (candidates.wanted < scores.shape[1]))
        if len(new):
            # The list is still empty: nothing below the wanted-th best of this tile can matter.
            ranked = np.sort(scores[new], axis=1)
            best = ranked[np.arange(len(new)), scores.shape[1] - candidates.wanted[new]]
            lowest[new] = np.maximum(lowest[new], best - 2 * rounding[new] - CHAIN_ROOM)
        places = np.flatnonzero(scores > lowest.astype(np.float32)[:, np.newaxis])
        rows, columns = np.divmod(places, scores.shape[1])
        values = self._exact(tracks, matrices.unit.data[entries], starts, rows, columns)
        own = np.searchsorted(own_places, places)
        own[own == len(own_places)] = 0
        if len(own_places):
            is_own = np.flatnonzero(own_places.take(own) == places)
            values[is_own] -= own_values.take(own.take(is_own))
        return rows.astype(np.int32), (columns + first).astype(np.int32), values

    def _exact(
        self,
        tracks: Int32Array,
        unit: FloatArray,
        starts: Int32Array,
        rows: Indexes,
        columns: Indexes,
    ) -> FloatArray:
        """The entries of X G at some places, each summed by ascending track."""
        lengths = np.diff(starts).take(rows)
        pair = np.repeat(np.arange(len(rows)), lengths)
        place = place_in_row(pair, len(rows)) + np.repeat(starts.take(rows), lengths)
        terms = unit.take(place)
        terms *= self._double.ravel().take(
            np.repeat(columns * self._double.shape[1], lengths) + tracks.take(place)
        )
        exact: FloatArray = np.bincount(pair, terms, minlength=len(rows)).astype(np.float64)
        return exact


# Rows of a tile with a greater share of entries than this are multiplied densely, by vector
# instructions; the others entry by entry: fetching a long row of zeros from memory costs more.
MOST_LISTED = 0.12


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
        from ubcf.scoring.kernels import tiles as kernels

        self._first, width = first, stop - first
        tracks = len(self._greatest)
        self._steps = self._room[: tracks * width].reshape(tracks, width)
        double = self._double[:width]
        by_track, unit = self._matrices.by_track, self._matrices.unit

        def fill(columns: NDArray[np.int64]) -> None:
            kernels.fill_tile(
                double,
                first,
                columns,
                (by_track.indptr, by_track.indices, by_track.data),
                (unit.indptr, unit.indices, unit.data),
            )

        def pack(rows: NDArray[np.int64]) -> None:
            kernels.pack_rows(
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
        from ubcf.scoring.kernels import tiles as kernels

        by_user, unit = self._matrices.by_user, self._matrices.unit
        entries = by_user.indptr, by_user.indices, self._matrices.own
        packed = (self._steps, self._step, self._dense, self._bounds, self._columns, self._values)
        rows, columns = kernels.find_survivors(
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
        values = kernels.exact_scores(
            self._first, self._double, candidates.first, entries, unit.data, rows, columns
        )
        return rows, columns.astype(np.int32) + np.int32(self._first), values


def by_tiles(
    job: ScoringJob,
    pool: ThreadPoolExecutor,
    advance: Callable[[float], None],
    *,
    neighbors: bool,
    tile_width: int,
    users_at_once: int,
) -> Iterator[UserBlock]:
    """Yields the results of all users in blocks of ascending users.

    Lists that the tiles do not decide are computed by similarities. neighbors: compute the
    neighbors of all users too. users_at_once: more users take all the tiles once more. advance:
    called with the share of the work (all: 1) done since the last call.
    """
    matrices = TiledMatrices.of(
        job.matrices.interactions, job.matrices.unit, job.self_terms_of_products
    )
    tiles = tiles_for(matrices, tile_width, compiled=job.compiled)
    for first in range(0, job.users, users_at_once):
        part = range(first, min(first + users_at_once, job.users))
        share = len(part) / job.users
        found = find_candidates(
            tiles,
            job.tracks_to_rank,
            part,
            job.tracks,
            pool=pool,
            advance=lambda done, share=share: advance(done * share),  # type: ignore[misc]
        )
        ranked = partial(_ranked, job, neighbors=neighbors)
        yield from in_turn(pool, ranked, found, job.jobs_at_once)


def _ranked(job: ScoringJob, candidates: Candidates, *, neighbors: bool) -> UserBlock:
    """The results of a block: from the candidates where they decide, else from all scores."""
    users = np.arange(candidates.first, candidates.stop)
    scores, decided = candidates.finished(job.tracks)
    positive_scores = np.full(len(users), NOT_COUNTED, dtype=np.int64)
    parts = [(decided, recommended(job, scores[decided], users.take(decided)))]
    others = np.setdiff1d(np.arange(len(users)), decided)
    for start, stop in job.blocks(job.costs.take(users.take(others))):
        rows = others[start:stop]
        undecided = users.take(rows)
        whole_scores = scores_of(job, weights_of(job, undecided), undecided)
        positive_scores[rows] = count_positive(whole_scores)
        parts.append((rows, recommended(job, whole_scores, undecided)))
    found = block_without_neighbors(
        job, candidates.first, positive_scores, merged(len(users), parts)
    )
    return with_neighbors(job, found) if neighbors else found
