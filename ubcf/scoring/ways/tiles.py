"""The way `tiles`: scores X G - D R with G = X' R, one tile of columns of G at a time.

The same scores as by `products` (see there), where G is too large to hold. G is tracks x tracks
however many users there are, so the cost of a user does not grow with their number.

Tiles are dense, the popular tracks first. For each user, single precision finds the few columns of
a tile that may enter the list, with a bound of its rounding error; these are scored again in double
precision. Only double precision decides, so the lists are the same, to the byte, as by any way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import (
    FloatArray,
    Indexes,
    Int32Array,
    Rows,
    SingleArray,
    row_of_each_entry,
)
from ubcf.scoring.parallel import do_all, in_turn
from ubcf.scoring.ranking import (
    NOTHING_WITHHELD,
    Mask,
    best_first_by_row,
    count_positive,
    merged,
    position_in_row,
)
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

# Columns of a tile at most. Products with long rows are twice as fast as with short ones.
TILE_WIDTH = 1024

# Bytes of a tile for each track and column, by whether it is compiled: exact columns, packed rows,
# and working memory of packing.
TILE_BYTES = {False: 14, True: 11}

# Bytes of a user's candidates for each entry of the list, with the copies that ranking makes.
CANDIDATE_BYTES = 40

# Users of a block: few, so that their scores stay in the processor cache.
USERS_PER_BLOCK = 512

# Candidates are ranked, and thresholds raised, when new ones make this share of the lists.
RANKED_AT = 0.25

# Tasks that computing and packing a tile is divided into: by scipy, and by kernels.
SCIPY_TASKS = 32

KERNEL_TASKS = 16

# Rows of a tile with a greater share of entries are multiplied densely, by vector instructions, the
# others entry by entry: reading a long row of zeros from memory costs more.
MOST_LISTED = 0.12


@dataclass(frozen=True)
class TiledMatrices:
    """The inputs of `Tiles`. `interactions` and `unit` share their indexes and index pointers.

    interactions: R, users x tracks. unit: X, users x tracks. by_track: R transposed, tracks x
    users. single: the values of X in single precision. self_terms: the user's own contribution,
    subtracted from X G: one value per entry of R. withheld: tracks that enter no list, as
    ListOptions.withheld.
    """

    interactions: sparse.csr_array
    unit: sparse.csr_array
    by_track: sparse.csr_array
    single: SingleArray
    self_terms: FloatArray
    withheld: Mask

    @classmethod
    def of(
        cls,
        interactions: sparse.csr_array,
        unit: sparse.csr_array,
        self_terms: FloatArray,
        withheld: Mask = NOTHING_WITHHELD,
    ) -> TiledMatrices:
        """The inputs from R and X, both users x tracks with the same stored entries."""
        by_track = sparse.csr_array(interactions.T.tocsr())
        single = unit.data.astype(np.float32)
        return cls(interactions, unit, by_track, single, self_terms, withheld)

    def withheld_in(self, first: int, stop: int) -> Indexes:
        """The columns, of the tile first..stop-1, of the tracks that enter no list."""
        return np.flatnonzero(self.withheld[first:stop])


@dataclass
class Candidates:
    """Columns that may enter the lists of the users first..stop-1, collected tile by tile.

    list_lengths: of each user, shape (users,). threshold: the score at the end of each user's list
    so far, 0 while the list is not full. rounding: the greatest error that single precision may
    have made; a positive score below it may have been missed. rows, columns, values: of the
    candidates, rows from 0. waiting: candidates since the last ranking.
    """

    first: int
    stop: int
    list_lengths: Indexes
    threshold: FloatArray
    rounding: FloatArray
    rows: list[Int32Array] = field(default_factory=list)
    columns: list[Int32Array] = field(default_factory=list)
    values: list[FloatArray] = field(default_factory=list)
    waiting: int = 0

    @classmethod
    def none_yet(cls, first: int, list_lengths: Indexes) -> Candidates:
        """No candidates for the users from `first` on, with lists of these lengths."""
        users = len(list_lengths)
        return cls(first, first + users, list_lengths, np.zeros(users), np.zeros(users))

    @property
    def floor(self) -> FloatArray:
        """Scores below this can no longer enter a user's list: shape (users,)."""
        return self.threshold - CHAIN_ROOM

    def add(self, rows: Int32Array, columns: Int32Array, values: FloatArray) -> None:
        """Adds candidates with their exact scores, of columns that were not added before.

        Those that are not positive, or below the floor, are dropped.
        """
        kept = np.flatnonzero((values >= self.floor.take(rows)) & (values > 0))
        if not len(kept):
            return
        self.rows.append(rows.take(kept))
        self.columns.append(columns.take(kept))
        self.values.append(values.take(kept))
        self.waiting += len(kept)
        if self.waiting >= RANKED_AT * self.list_lengths.sum():
            self.rank()

    def rank(self) -> None:
        """Raises the thresholds, and drops the candidates that can no longer enter a list."""
        rows, columns = np.concatenate(self.rows), np.concatenate(self.columns)
        values = np.concatenate(self.values)
        order = best_first_by_row(rows, values)
        rows, columns, values = rows.take(order), columns.take(order), values.take(order)
        lengths = np.bincount(rows, minlength=len(self.list_lengths))
        ends = np.cumsum(lengths)
        full = np.flatnonzero(lengths >= self.list_lengths)
        last = (ends - lengths + self.list_lengths - 1).take(full)
        self.threshold[full] = values.take(last)
        can_enter = values >= self.floor.take(rows)
        can_enter[self._late_ties(rows, columns, values)] = False
        kept = np.flatnonzero(can_enter)
        self.rows, self.columns = [rows.take(kept)], [columns.take(kept)]
        self.values, self.waiting = [values.take(kept)], 0

    def _late_ties(self, rows: Int32Array, columns: Int32Array, values: FloatArray) -> Indexes:
        """The indexes of candidates that too many equal ones precede; rows: ascending.

        Equal scores rank by column, so that of those at the threshold only the first ones, as many
        as the list is long, can be in it. Where most scores are equal, the others are most.
        """
        users = len(self.list_lengths)
        tied = np.flatnonzero(values == self.threshold.take(rows))
        too_many = np.bincount(rows.take(tied), minlength=users) > self.list_lengths
        tied = tied[too_many.take(rows.take(tied))]
        tied = tied[np.lexsort((columns.take(tied), rows.take(tied)))]
        tied_rows = rows.take(tied)
        late = position_in_row(tied_rows, users) >= self.list_lengths.take(tied_rows)
        found: Indexes = tied[late]
        return found

    def finished(self, tracks: int) -> tuple[sparse.csr_array, Indexes]:
        """The candidates as a users x tracks matrix, and the rows whose lists they decide.

        A list is decided when it is full of scores clearly above 0, and the equality chain of its
        last entry ends among the candidates.
        """
        if not self.rows:
            return sparse.csr_array((len(self.list_lengths), tracks)), np.empty(0, dtype=np.int64)
        self.rank()
        (rows,), (columns,), (values,) = self.rows, self.columns, self.values
        users = len(self.list_lengths)
        lengths = np.bincount(rows, minlength=users)
        position = position_in_row(rows, users)
        below = np.append(values[1:], 0.0)
        is_last = position == lengths.take(rows) - 1
        below[is_last] = self.floor.take(rows[is_last])
        is_chain_end = values - below >= EQUALITY_GAP
        ends_list = is_chain_end & (position >= self.list_lengths.take(rows) - 1)
        chain_ends = np.bincount(rows[ends_list], minlength=users) > 0
        decided = np.flatnonzero(
            chain_ends & (self.floor > self.rounding) & (self.floor > EQUALITY_GAP)
        )
        return sparse.csr_array((values, (rows, columns)), shape=(users, tracks)), decided


class Tiles(Protocol):
    """One tile of G at a time, ready for products with users."""

    width: int

    def load(self, first: int, stop: int, pool: ThreadPoolExecutor) -> None:
        """Computes the tile of the columns first..stop-1, at most `width`, on the pool."""

    def survivors(self, candidates: Candidates) -> tuple[Int32Array, Int32Array, FloatArray]:
        """Rows, columns and exact scores of all that may be at or above the floor of a user.

        Raises `candidates.rounding` to the error that the search may have made.
        """


def tiles_for(matrices: TiledMatrices, width: int, *, compiled: bool) -> Tiles:
    """Tiles of `width` columns: by kernels, for which numba must be installed, or by scipy."""
    if compiled:
        return CompiledTiles(matrices, width)
    return DenseTiles(matrices, width)


def find_candidates(
    tiles: Tiles,
    list_lengths: Indexes,
    users: range,
    tracks: int,
    *,
    pool: ThreadPoolExecutor,
    advance: Callable[[float], None],
) -> Iterator[Candidates]:
    """The candidates of consecutive users, block by block, once all tiles are done.

    list_lengths: of all users. advance: called with the share of the work done since the last call;
    all shares add up to 1.
    """
    blocks = [
        Candidates.none_yet(start, list_lengths[start : min(start + USERS_PER_BLOCK, users.stop)])
        for start in range(users.start, users.stop, USERS_PER_BLOCK)
    ]

    def add_survivors(block: Candidates) -> None:
        block.add(*tiles.survivors(block))

    for first in range(0, tracks, tiles.width):
        stop = min(first + tiles.width, tracks)
        tiles.load(first, stop, pool)
        do_all(pool, add_survivors, blocks)
        advance((stop - first) / tracks)
    yield from blocks


@dataclass(frozen=True)
class _UserRows:
    """The users of a block, as DenseTiles multiplies them with a tile.

    single: rows of X in single precision, users x tracks. unit: the values of X, in double
    precision. self_cells, self_terms: cells of the block's scores, row * width + column, ascending,
    that a self term is subtracted from, and these terms.
    """

    single: sparse.csr_array
    unit: FloatArray
    self_cells: Indexes
    self_terms: FloatArray

    @classmethod
    def of(cls, matrices: TiledMatrices, users: slice, tile: slice) -> _UserRows:
        """The users of a block; tile: its columns."""
        starts = matrices.interactions.indptr[users.start : users.stop + 1]
        entries = slice(starts[0], starts[-1])
        tracks = matrices.interactions.indices[entries]
        shape = (users.stop - users.start, matrices.interactions.shape[1])
        single = sparse.csr_array(
            (matrices.single[entries], tracks, starts - starts[0]), shape=shape
        )
        inside = np.flatnonzero((tracks >= tile.start) & (tracks < tile.stop))
        rows = row_of_each_entry(single).take(inside)
        return cls(
            single,
            matrices.unit.data[entries],
            rows * (tile.stop - tile.start) + (tracks.take(inside) - tile.start),
            matrices.self_terms[entries].take(inside),
        )


class DenseTiles:
    """Tiles by numpy and scipy: sparse products compute them, sparse times dense uses them."""

    def __init__(self, matrices: TiledMatrices, width: int = TILE_WIDTH) -> None:
        """Allocates tiles of `width` columns."""
        self._matrices = matrices
        tracks = matrices.interactions.shape[1]
        self.width = width = min(width, tracks)
        # The columns of the tile in double precision, each a row here, as products compute them.
        self._double = np.empty((width, tracks))
        self._room = np.empty(tracks * width, dtype=np.float32)
        self._single = self._room.reshape(tracks, width)
        self._greatest = np.empty(tracks)
        self._columns = slice(0, 0)

    def load(self, first: int, stop: int, pool: ThreadPoolExecutor) -> None:
        """See Tiles."""
        width = stop - first
        self._columns = slice(first, stop)
        matrices = self._matrices
        tracks = len(self._greatest)
        self._single = self._room[: tracks * width].reshape(tracks, width)

        def fill(columns: Indexes) -> None:
            start, end = int(columns[0]), int(columns[-1]) + 1
            product = matrices.by_track[first + start : first + end] @ matrices.unit
            product.toarray(out=self._double[start:end])

        def pack(rows: Indexes) -> None:
            band = slice(int(rows[0]), int(rows[-1]) + 1)
            self._single[band] = self._double[:width, band].T
            self._greatest[band] = np.maximum(
                self._single[band].max(axis=1), -self._single[band].min(axis=1)
            )

        do_all(pool, fill, np.array_split(np.arange(width), min(width, SCIPY_TASKS)))
        do_all(pool, pack, np.array_split(np.arange(tracks), min(tracks, SCIPY_TASKS)))

    def survivors(self, candidates: Candidates) -> tuple[Int32Array, Int32Array, FloatArray]:
        """See Tiles."""
        rows = _UserRows.of(self._matrices, slice(candidates.first, candidates.stop), self._columns)
        scores: SingleArray = rows.single @ self._single
        width = scores.shape[1]
        scores.ravel()[rows.self_cells] -= rows.self_terms.astype(np.float32)
        scores[:, self._matrices.withheld_in(self._columns.start, self._columns.stop)] = 0
        rounding = self._rounding(rows, width)
        np.maximum(candidates.rounding, rounding, out=candidates.rounding)
        lowest = _lowest_scores(scores, candidates, rounding)
        cells = np.flatnonzero(scores > lowest.astype(np.float32)[:, np.newaxis])
        users, columns = np.divmod(cells, width)
        values = self._exact(rows, users, columns)
        _subtract_at(values, cells, rows.self_cells, rows.self_terms)
        return users.astype(np.int32), (columns + self._columns.start).astype(np.int32), values

    def _rounding(self, rows: _UserRows, width: int) -> FloatArray:
        """A bound of the error of each user's scores in single precision: shape (users,).

        See SINGLE_ROUNDING for the source; the magnitudes are those of the greatest of each row.
        """
        magnitude = abs(rows.single) @ self._greatest
        magnitude += np.bincount(
            rows.self_cells // width, np.abs(rows.self_terms), minlength=len(magnitude)
        )
        bound: FloatArray = magnitude * (np.diff(rows.single.indptr) + 4) * SINGLE_ROUNDING
        return bound

    def _exact(self, rows: _UserRows, users: Indexes, columns: Indexes) -> FloatArray:
        """The entries of X G at (users[i], columns[i]), each summed by ascending track.

        users: rows of the block. columns: of the tile.
        """
        starts, tracks = rows.single.indptr, rows.single.indices
        lengths = np.diff(starts).take(users)
        pair = np.repeat(np.arange(len(users)), lengths)
        entry = position_in_row(pair, len(users)) + np.repeat(starts.take(users), lengths)
        terms = rows.unit.take(entry)
        terms *= self._double.ravel().take(
            np.repeat(columns * self._double.shape[1], lengths) + tracks.take(entry)
        )
        exact: FloatArray = np.bincount(pair, terms, minlength=len(users)).astype(np.float64)
        return exact


def _lowest_scores(scores: SingleArray, candidates: Candidates, rounding: FloatArray) -> FloatArray:
    """The score in single precision from which each user's columns survive: shape (users,)."""
    width = scores.shape[1]
    lowest: FloatArray = np.maximum(candidates.floor - rounding, 0.0)
    new = np.flatnonzero((candidates.threshold == 0) & (candidates.list_lengths < width))
    if len(new):
        # No list yet: a score below the last one of a list from this tile alone is of no use.
        ranked = np.sort(scores[new], axis=1)
        last = ranked[np.arange(len(new)), width - candidates.list_lengths[new]]
        lowest[new] = np.maximum(lowest[new], last - 2 * rounding[new] - CHAIN_ROOM)
    return lowest


def _subtract_at(
    values: FloatArray, cells: Indexes, self_cells: Indexes, self_terms: FloatArray
) -> None:
    """Subtracts the self terms from the values whose cells are among the ascending self_cells."""
    if len(self_cells):
        position = np.searchsorted(self_cells, cells)
        position[position == len(self_cells)] = 0
        is_self = np.flatnonzero(self_cells.take(position) == cells)
        values[is_self] -= self_terms.take(position.take(is_self))


class CompiledTiles:
    """Tiles by kernels."""

    def __init__(self, matrices: TiledMatrices, width: int = TILE_WIDTH) -> None:
        """Allocates tiles of `width` columns."""
        from ubcf.scoring.kernels.tiles import PackedTile

        self._matrices = matrices
        self._withheld = matrices.withheld_in(0, 0)
        starts, tracks = matrices.interactions.indptr, matrices.interactions.indices
        self._single = matrices.single
        self._unit = Rows.of(matrices.unit)
        self._by_track = Rows.of(matrices.by_track)
        self._self_terms = Rows(starts, tracks, matrices.self_terms)
        tracks_count = matrices.interactions.shape[1]
        self.width = width = min(width, tracks_count)
        self._first = 0
        self._most_listed = int(MOST_LISTED * width)
        # The columns of the tile in double precision, each a row here, as products compute them.
        self._double = np.empty((width, tracks_count))
        self._room = np.empty(tracks_count * width, dtype=np.int16)
        self._packed = PackedTile(
            steps=self._room.reshape(tracks_count, width),
            step=np.empty(tracks_count, dtype=np.float32),
            dense=np.empty(tracks_count, dtype=np.int32),
            bounds=np.empty((tracks_count, 2), dtype=np.int64),
            columns=np.empty(tracks_count * self._most_listed, dtype=np.uint16),
            values=np.empty(tracks_count * self._most_listed, dtype=np.float32),
            greatest=np.empty(tracks_count),
        )

    def load(self, first: int, stop: int, pool: ThreadPoolExecutor) -> None:
        """See Tiles."""
        from ubcf.scoring.kernels import tiles as kernels

        self._first, width = first, stop - first
        self._withheld = self._matrices.withheld_in(first, stop)
        tracks = len(self._packed.greatest)
        steps = self._room[: tracks * width].reshape(tracks, width)
        self._packed = packed = self._packed._replace(steps=steps)
        double = self._double[:width]

        def fill(columns: Indexes) -> None:
            kernels.fill_tile(double, first, columns, self._by_track, self._unit)

        def pack(rows: Indexes) -> None:
            kernels.pack_rows(double, rows[0], rows[-1] + 1, self._most_listed, packed)

        # Popular columns take longest and come first, so each task takes every n-th column.
        tasks = range(min(width, KERNEL_TASKS))
        do_all(pool, fill, [np.arange(start, width, KERNEL_TASKS) for start in tasks])
        do_all(pool, pack, np.array_split(np.arange(tracks), min(tracks, KERNEL_TASKS)))

    def survivors(self, candidates: Candidates) -> tuple[Int32Array, Int32Array, FloatArray]:
        """See Tiles."""
        from ubcf.scoring.kernels import tiles as kernels

        self_terms = self._self_terms.between(candidates.first, candidates.stop)
        rows, columns = kernels.find_survivors(
            self._first,
            self._packed,
            self._single,
            self_terms,
            candidates.list_lengths,
            candidates.threshold,
            candidates.rounding,
            self._withheld,
        )
        by_column = np.argsort(columns, kind="stable")
        rows, columns = rows.take(by_column), columns.take(by_column)
        values = kernels.exact_scores(
            self._first, self._double, self._unit.values, self_terms, rows, columns
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

    Lists that tiles do not decide are computed from similarities. neighbors: compute the neighbors
    of all users too. users_at_once: all tiles are computed once for each group of this many users.
    advance: called with the share of the work done since the last call; all shares add up to 1.
    """
    matrices = TiledMatrices.of(
        job.matrices.interactions,
        job.matrices.unit,
        job.self_terms_of_products,
        job.lists.withheld,
    )
    tiles = tiles_for(matrices, tile_width, compiled=job.compiled)
    for first in range(job.scored.start, job.scored.stop, users_at_once):
        users = range(first, min(first + users_at_once, job.scored.stop))
        share = job.share(len(users))
        found = find_candidates(
            tiles,
            job.ranking_lengths,
            users,
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
    lists = [(decided, recommended(job, scores[decided], users.take(decided)))]
    others = np.setdiff1d(np.arange(len(users)), decided)
    for start, stop in job.blocks(job.costs.take(users.take(others))):
        rows = others[start:stop]
        undecided = users.take(rows)
        whole_scores = scores_of(job, weights_of(job, undecided), undecided)
        positive_scores[rows] = count_positive(whole_scores)
        lists.append((rows, recommended(job, whole_scores, undecided)))
    found = block_without_neighbors(
        job, candidates.first, positive_scores, merged(len(users), lists)
    )
    return with_neighbors(job, found) if neighbors else found
