"""The way `tiles`: scores X G - D R with G = X' R, one tile of columns of G at a time.

The same scores as by `products` (see there), where G is too large to hold. G is tracks x tracks
however many users there are, so the cost of a user does not grow with their number.

Tiles are dense, the popular tracks first. For each user, single precision finds the few columns of
a tile that may enter the list, with a bound of its rounding error; these are scored again in double
precision. The kernels pass over columns that cannot have such a score. Only double precision
decides, so the lists are the same, to the byte, as by any way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

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

if TYPE_CHECKING:
    from ubcf.scoring.kernels.tiles import PackedTile

# Columns of a tile at most. By scipy, products with long rows are twice as fast as with short ones;
# the kernels have room for the bounds of as many.
TILE_WIDTH = 1024

# Bytes of a tile for each track and column, by whether it is compiled; and for each track, however
# wide the tile is.
TILE_BYTES = {False: 14, True: 2}
TILE_BYTES_PER_TRACK = {False: 0, True: 140}

# Bytes of a user's candidates for each entry of the list, with the copies that scoring and ranking
# make.
CANDIDATE_BYTES = 48

# Users of a block: few, so that their scores stay in the processor cache.
USERS_PER_BLOCK = 512

# Users whom a kernel multiplies with a plane before it reads the next one: many, since the plane
# comes from memory.
USERS_AT_ONCE = 16_384

# Candidates are ranked, and thresholds raised, when new ones make this share of the lists.
RANKED_AT = 0.25

# Tasks that computing and packing a tile is divided into: by scipy, and by kernels.
SCIPY_TASKS = 32

KERNEL_TASKS = 16


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

    def add_survivors(self, blocks: list[Candidates], pool: ThreadPoolExecutor) -> None:
        """Adds all that may be at or above the floor of a user, with exact scores.

        Raises `rounding` of the candidates to the error that the search may have made.
        """


def tiles_for(matrices: TiledMatrices, width: int, *, compiled: bool, threads: int = 1) -> Tiles:
    """Tiles of `width` columns: by kernels, for which numba must be installed, or by scipy."""
    if compiled:
        return CompiledTiles(matrices, width, threads)
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

    for first in range(0, tracks, tiles.width):
        stop = min(first + tiles.width, tracks)
        tiles.load(first, stop, pool)
        tiles.add_survivors(blocks, pool)
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

    def add_survivors(self, blocks: list[Candidates], pool: ThreadPoolExecutor) -> None:
        """See Tiles."""
        do_all(pool, lambda block: block.add(*self._survivors(block)), blocks)

    def _survivors(self, candidates: Candidates) -> tuple[Int32Array, Int32Array, FloatArray]:
        """Rows, tracks and exact scores of all that may be at or above the floor of a user."""
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

    def __init__(self, matrices: TiledMatrices, width: int = TILE_WIDTH, threads: int = 1) -> None:
        """Allocates tiles of `width` columns, or as many as kernels take, for this many threads."""
        from ubcf.scoring.kernels.tiles import MOST_PLANES, PLANE

        self._matrices = matrices
        self._threads = threads
        self._heard = Rows.of(matrices.interactions)
        self._tracks: Int32Array = self._heard.columns.astype(np.int32, copy=False)
        self._unit = Rows.of(matrices.unit)
        self._by_track = Rows.of(matrices.by_track)
        unit_by_track = sparse.csr_array(matrices.unit.T.tocsr())
        self._listeners = self._by_track._replace(values=unit_by_track.data)
        users, tracks = matrices.interactions.shape
        self._inside = np.empty((users, 2), dtype=self._heard.starts.dtype)
        self.width = width = min(width, tracks, MOST_PLANES * PLANE)
        self._columns = slice(0, 0)
        planes = -(-width // PLANE)
        self._planes = np.empty((planes, tracks, PLANE), dtype=np.int16)
        self._bounds = np.empty((2 * tracks, MOST_PLANES), dtype=np.int16)
        self._step = np.empty(tracks, dtype=np.float32)

    def load(self, first: int, stop: int, pool: ThreadPoolExecutor) -> None:
        """See Tiles."""
        from ubcf.scoring.kernels import tiles as kernels

        self._columns = slice(first, stop)
        kernels.find_inside(first, stop, self._heard, self._inside)
        tile = self._tile()
        tracks = len(self._step)

        def pack(rows: Indexes) -> None:
            kernels.pack_rows(
                rows[0], rows[-1] + 1, first, self._listeners, self._heard, self._inside, tile
            )

        do_all(pool, pack, np.array_split(np.arange(tracks), min(tracks, KERNEL_TASKS)))

    def _tile(self) -> PackedTile:
        """The tile that is loaded."""
        from ubcf.scoring.kernels.tiles import PLANE, PackedTile

        width = self._columns.stop - self._columns.start
        return PackedTile(self._planes[: -(-width // PLANE)], self._bounds, self._step)

    def add_survivors(self, blocks: list[Candidates], pool: ThreadPoolExecutor) -> None:
        """See Tiles."""
        from ubcf.scoring.kernels import tiles as kernels

        first_user, first_track = blocks[0].first, self._columns.start
        rows, columns = self._survivors(blocks, pool)
        users = rows + np.int32(first_user)
        scores = np.empty(len(users))
        width = self._columns.stop - first_track
        starts, order = kernels.ordered(columns, width)

        def fill(some_columns: Indexes) -> None:
            kernels.exact_scores(
                first_track,
                some_columns,
                starts,
                order,
                users,
                self._by_track,
                self._unit,
                self._matrices.self_terms,
                scores,
            )

        # Popular columns take longest and come first, so each task takes every n-th column.
        tasks = range(min(width, KERNEL_TASKS))
        do_all(pool, fill, [np.arange(start, width, KERNEL_TASKS) for start in tasks])
        starts, order = kernels.ordered(rows // USERS_PER_BLOCK, len(blocks))

        def add(number: int) -> None:
            found = order[starts[number] : starts[number + 1]]
            block = blocks[number]
            of_block = users.take(found) - np.int32(block.first)
            block.add(of_block, columns.take(found) + np.int32(first_track), scores.take(found))

        do_all(pool, add, range(len(blocks)))

    def _survivors(
        self, blocks: list[Candidates], pool: ThreadPoolExecutor
    ) -> tuple[Int32Array, Int32Array]:
        """Users, from 0, and columns of all that may be at or above the floor of a user."""
        from ubcf.scoring.kernels import tiles as kernels

        first = blocks[0].first
        lengths, threshold, rounding = (
            np.concatenate([getattr(block, name) for block in blocks])
            for name in ("list_lengths", "threshold", "rounding")
        )
        groups = 2 * self._threads * -(-len(lengths) // (2 * self._threads * USERS_AT_ONCE))

        def find(users: Indexes) -> tuple[Int32Array, Int32Array]:
            here = slice(int(users[0]), int(users[-1]) + 1)
            start, stop = first + here.start, first + here.stop
            rows, columns = kernels.find_survivors(
                self._columns.start,
                self._tile(),
                kernels.UserRows(
                    self._heard.starts[start : stop + 1],
                    self._tracks,
                    self._matrices.single,
                    self._matrices.self_terms,
                    self._inside[start:stop],
                ),
                lengths[here],
                threshold[here],
                rounding[here],
                self._matrices.withheld[self._columns],
            )
            return rows + np.int32(here.start), columns

        parts = np.array_split(np.arange(len(lengths)), min(groups, len(lengths)))
        found = list(pool.map(find, parts))
        for block, of_block in zip(
            blocks,
            np.split(rounding, range(USERS_PER_BLOCK, len(rounding), USERS_PER_BLOCK)),
            strict=True,
        ):
            block.rounding[:] = of_block
        rows, columns = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        return rows, columns


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
    tiles = tiles_for(matrices, tile_width, compiled=job.compiled, threads=job.threads)
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
