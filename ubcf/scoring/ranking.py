"""Top lists: the ranking of tracks by score, and of neighbors by similarity.

The ranking is by value, descending. Values next to each other in that order that differ by less
than 1e-10 are equal (equality chains); among equal values the smaller column index goes first.
Columns are indexed by preference (tracks: by popularity), so the index breaks ties as it should.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import (
    FloatArray,
    Indexes,
    IntArray,
    entries_by_row,
    has_entries,
    row_of_each_entry,
)
from ubcf.scoring.tolerances import CHAIN_ROOM, EQUALITY_GAP, WORTH_THINNING

ZERO_BLOCK = -1  # the column of the entry that stands for all the zeros of a row

FIRST_WIDTH = 2  # the zero block is first looked for in this many times `count` columns

Triple = tuple[Indexes, Indexes, FloatArray]  # rows, columns and values of entries


@dataclass(frozen=True)
class TopLists:
    """The best columns of some rows, row after row, best first.

    lengths: shape (rows,), entries of each row; columns, values: shape (sum of lengths,).
    """

    lengths: Indexes
    columns: Indexes
    values: FloatArray

    @classmethod
    def empty(cls, rows_count: int) -> TopLists:
        """Lists without entries."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(np.zeros(rows_count, dtype=np.int64), nothing, np.empty(0))

    @property
    def rows(self) -> Indexes:
        """The row of each entry."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def ranks(self) -> Indexes:
        """The place of each entry in its row, from 1."""
        starts = np.cumsum(self.lengths) - self.lengths
        return np.arange(1, len(self.columns) + 1) - np.repeat(starts, self.lengths)


def merged(rows_count: int, parts: list[tuple[Indexes, TopLists]]) -> TopLists:
    """The lists of parts as one: each comes with the ascending rows, of `rows_count`, it is of."""
    rows = np.concatenate([rows.take(lists.rows) for rows, lists in parts])
    order = np.argsort(rows, kind="stable")
    columns = np.concatenate([lists.columns for _, lists in parts])
    values = np.concatenate([lists.values for _, lists in parts])
    return _collect(rows_count, _taken((rows, columns, values), order))


def best_first_by_row(rows: IntArray, values: FloatArray) -> Indexes:
    """The places of entries in the order of their rows, and of descending values in each row."""
    order = np.argsort(-values)
    row_order = np.argsort(rows.astype(_smallest_unsigned(rows)).take(order), kind="stable")
    return order.take(row_order)


def place_in_row(rows: IntArray, rows_count: int) -> Indexes:
    """The place of each entry in its row, from 0, when entries stand row after row."""
    lengths = np.bincount(rows, minlength=rows_count)
    starts = np.cumsum(lengths) - lengths
    places: Indexes = np.arange(len(rows)) - starts[rows]
    return places


def top_positive(matrix: sparse.csr_array, count: int) -> TopLists:
    """The `count` greatest positive entries of each row, ranked."""
    if count == 0:
        return TopLists.empty(matrix.shape[0])
    matrix = _thinned(matrix, np.full(matrix.shape[0], count, dtype=np.int64))
    positive = np.flatnonzero(matrix.data > 0)
    entries = _ranked(*_taken(_entries_of(matrix), positive))
    best = np.flatnonzero(place_in_row(entries.rows, matrix.shape[0]) < count)
    return _collect(matrix.shape[0], _taken(entries.triple, best))


def top_placed(matrix: sparse.csr_array, places: IntArray, count: int) -> TopLists:
    """The first `count` entries of each row; places: of each entry in its row's ranking, from 0."""
    first = np.flatnonzero(places < count)
    rows = row_of_each_entry(matrix).take(first)
    lengths = np.bincount(rows, minlength=matrix.shape[0])
    order = np.argsort((np.cumsum(lengths) - lengths).take(rows) + places.take(first))
    first = first.take(order)
    return TopLists(lengths, matrix.indices.take(first).astype(np.int64), matrix.data.take(first))


def count_positive(scores: sparse.csr_array) -> Indexes:
    """How many entries of each row are above 0 by the equality gap or more: shape (rows,)."""
    return entries_by_row(scores, np.flatnonzero(scores.data >= EQUALITY_GAP))


def top_scores(
    scores: sparse.csr_array,
    count: int,
    *,
    excluded: sparse.csr_array | None = None,
    only_positive: bool = False,
    compiled: bool = False,
) -> TopLists:
    """The first `count` columns of each row in the ranking of all columns.

    scores: rows x tracks; what is not stored is 0. The ranking goes through the positive scores,
    the zeros and the negative ones, so a row has min(count, tracks) entries.
    excluded: rows x tracks; its stored entries are left out of the finished ranking.
    only_positive: leave out what is not above 0, or equal to 0 by the gap rule.
    compiled: numba, which has to be installed, does the most of it.
    """
    rows_count, tracks = scores.shape
    excluded_count = (
        np.diff(excluded.indptr) if excluded is not None else np.zeros(rows_count, dtype=np.int64)
    )
    wanted = count + excluded_count
    if compiled:
        return _top_scores_compiled(scores, count, wanted, excluded, only_positive)
    scores = _thinned(scores, wanted)
    rows, columns, values = _taken(_entries_of(scores), np.flatnonzero(scores.data))
    zeros = tracks - np.bincount(rows, minlength=rows_count)
    candidates = _taken((rows, columns, values), _candidates(rows, values, zeros, wanted))

    # All zeros of a row take part in the ranking as one entry, and are unfolded afterwards.
    anchored = np.flatnonzero((zeros > 0) | only_positive)
    entries = _ranked(
        np.concatenate([candidates[0], anchored]),
        np.concatenate([candidates[1], np.full(len(anchored), ZERO_BLOCK)]),
        np.concatenate([candidates[2], np.zeros(len(anchored))]),
    )
    zero_chain = np.full(rows_count, np.iinfo(np.int64).max)
    is_anchor = entries.columns == ZERO_BLOCK
    anchors = np.flatnonzero(is_anchor)
    zero_chain[entries.rows[anchors]] = entries.chains[anchors]
    zero_chain_of_entry = zero_chain.take(entries.rows)

    is_above = entries.chains < zero_chain_of_entry
    in_list = place_in_row(entries.rows, rows_count) < wanted.take(entries.rows)
    parts = [_taken(entries.triple, np.flatnonzero(is_above & in_list))]
    if not only_positive:
        as_zero = np.flatnonzero((entries.chains == zero_chain_of_entry) & ~is_anchor)
        zero_rows, zero_columns, zero_values = _taken(entries.triple, as_zero)
        if len(zero_rows):
            distinct = ~np.isin(rows * tracks + columns, zero_rows * tracks + zero_columns)
            rows, columns = rows[distinct], columns[distinct]
        above = np.bincount(entries.rows.take(np.flatnonzero(is_above)), minlength=rows_count)
        parts.append(
            _unfold_zeros(
                np.where(zeros > 0, np.maximum(wanted - above, 0), 0),
                tracks,
                FIRST_WIDTH * count,
                (rows, columns),
                (zero_rows, zero_columns, zero_values),
            )
        )
        parts.append(_taken(entries.triple, np.flatnonzero(entries.chains > zero_chain_of_entry)))

    rows, columns, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(rows.astype(_smallest_unsigned(rows)), kind="stable")
    rows, columns, values = _taken((rows, columns, values), order)
    return _first(rows_count, (rows, columns, values), count, excluded)


def _top_scores_compiled(
    scores: sparse.csr_array,
    count: int,
    wanted: Indexes,
    excluded: sparse.csr_array | None,
    only_positive: bool,
) -> TopLists:
    """The same: compiled loops for the rows whose lists positive scores fill.

    wanted: how long the ranking of each row must be, excluded columns included.
    """
    rows_count = scores.shape[0]
    full = top_of_full_rows(scores, wanted)
    others = np.flatnonzero(full.lengths == 0)
    if excluded is not None:
        full = _first(rows_count, (full.rows, full.columns, full.values), count, excluded)
    if len(others) == 0:
        return full
    of_others = top_scores(
        scores[others],
        count,
        excluded=None if excluded is None else excluded[others],
        only_positive=only_positive,
    )
    return merged(rows_count, [(np.arange(rows_count), full), (others, of_others)])


def _first(
    rows_count: int, ranked: Triple, count: int, excluded: sparse.csr_array | None
) -> TopLists:
    """The first `count` of ranked entries of each row that are not excluded."""
    rows, columns, _ = ranked
    if excluded is not None:
        ranked = _taken(ranked, np.flatnonzero(~has_entries(excluded, rows, columns)))
    best = np.flatnonzero(place_in_row(ranked[0], rows_count) < count)
    return _collect(rows_count, _taken(ranked, best))


@dataclass(frozen=True)
class _Entries:
    """Entries in ranked order, row after row; `chains` numbers the equality chains, ascending."""

    rows: Indexes
    columns: Indexes
    values: FloatArray
    chains: Indexes

    @property
    def triple(self) -> Triple:
        """Rows, columns and values."""
        return self.rows, self.columns, self.values


def _entries_of(matrix: sparse.csr_array) -> Triple:
    """Rows, columns and values of the stored entries, row after row."""
    return row_of_each_entry(matrix), matrix.indices.astype(np.int64), matrix.data


def _taken(entries: Triple, places: Indexes) -> Triple:
    """The entries at these places. `take` is faster than indexing, and lets other threads work."""
    rows, columns, values = entries
    return rows.take(places), columns.take(places), values.take(places)


def _ranked(rows: Indexes, columns: Indexes, values: FloatArray) -> _Entries:
    """Entries by row, then by the ranking of this module."""
    rows, columns, values = _taken((rows, columns, values), best_first_by_row(rows, values))
    starts_chain = np.ones(len(rows), dtype=bool)
    starts_chain[1:] = (rows[1:] != rows[:-1]) | (values[:-1] - values[1:] >= EQUALITY_GAP)
    chains = np.cumsum(starts_chain)
    # Only entries in chains of two and more are still to be put in order, by column.
    ends_chain = np.append(starts_chain[1:], True)
    tied = np.flatnonzero(~(starts_chain & ends_chain))
    if len(tied):
        width = int(columns.max()) + 2
        by_column = tied[np.argsort(chains[tied] * width + columns[tied])]
        columns[tied], values[tied] = columns[by_column], values[by_column]
    return _Entries(rows, columns, values, chains)


def _smallest_unsigned(rows: IntArray) -> np.dtype[Any]:
    """The smallest type for row numbers: numpy sorts 16-bit integers by radix, in linear time."""
    return np.min_scalar_type(int(rows.max(initial=0)))


def _candidates(rows: Indexes, values: FloatArray, zeros: Indexes, wanted: Indexes) -> Indexes:
    """The places of the entries that can take part in the lists or in the chain of the zeros.

    Negative scores can only where positive ones and zeros do not fill the list, or where one of
    them is so close to 0 that a chain may lead there.
    """
    rows_count = len(zeros)
    positive = values > 0
    positives = np.bincount(rows.take(np.flatnonzero(positive)), minlength=rows_count)
    near_zero = np.flatnonzero(~positive & (values > -EQUALITY_GAP))
    negatives_count = positives + zeros < wanted
    negatives_count[rows.take(near_zero)] = True
    return np.flatnonzero(positive | negatives_count.take(rows))


def _thinned(matrix: sparse.csr_array, wanted: Indexes) -> sparse.csr_array:
    """The matrix without the entries that cannot be among the first `wanted` of their rows.

    Ranking sorts, and long rows have many entries that are far from any list. Only rows whose list
    is full of positive values are thinned.
    """
    lengths = np.diff(matrix.indptr)
    lowest = np.full(len(lengths), -np.inf)
    for row in np.flatnonzero(lengths > WORTH_THINNING * wanted):
        values = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
        last = np.partition(values, len(values) - wanted[row])[-wanted[row]]
        if last > CHAIN_ROOM:
            lowest[row] = last - CHAIN_ROOM
    floor = np.repeat(lowest, lengths)
    # Where a value is next to the edge, the chain of the last one may go on beyond it.
    at_edge = np.flatnonzero((matrix.data >= floor) & (matrix.data - EQUALITY_GAP < floor))
    if len(at_edge):
        lowest[np.searchsorted(matrix.indptr, at_edge, side="right") - 1] = -np.inf
        floor = np.repeat(lowest, lengths)
    kept = np.flatnonzero(matrix.data >= floor)
    starts = np.searchsorted(kept, matrix.indptr)
    return sparse.csr_array(
        (matrix.data.take(kept), matrix.indices.take(kept), starts), shape=matrix.shape
    )


def _unfold_zeros(
    wanted: Indexes,
    tracks: int,
    width: int,
    distinct: tuple[Indexes, Indexes],
    as_zero: tuple[Indexes, Indexes, FloatArray],
) -> tuple[Indexes, Indexes, FloatArray]:
    """The first `wanted` columns of each row that are zero or equal to zero, by column.

    distinct: rows and columns of the entries that are not equal to zero; as_zero: rows, columns and
    values of the stored entries that are. Returns rows, columns, values.
    Looks at the first `width` columns, and at twice as many until every row has what it wants.
    """
    found: list[tuple[Indexes, Indexes, FloatArray]] = []
    pending = np.flatnonzero(wanted > 0)
    distinct_rows, distinct_columns = distinct
    while len(pending):
        width = min(width, tracks)
        place = np.full(len(wanted), -1)
        place[pending] = np.arange(len(pending))
        is_zero = np.ones((len(pending), width), dtype=bool)
        near = np.flatnonzero(distinct_columns < width)
        near_places, near_columns = place[distinct_rows.take(near)], distinct_columns.take(near)
        here = near_places >= 0
        is_zero[near_places[here], near_columns[here]] = False
        enough = (is_zero.sum(axis=1) >= wanted[pending]) | (width == tracks)

        is_zero = is_zero[enough]
        done = pending[enough]
        taken = is_zero & (np.cumsum(is_zero, axis=1) <= wanted[done][:, np.newaxis])
        place = np.full(len(wanted), -1)
        place[done] = np.arange(len(done))
        block_rows, block_columns = np.nonzero(taken)
        block_values = np.zeros(taken.shape)
        rows, columns, values = as_zero
        here = (place[rows] >= 0) & (columns < width)
        block_values[place[rows[here]], columns[here]] = values[here]
        found.append((done[block_rows], block_columns, block_values[taken]))
        pending = pending[~enough]
        width *= 2
    if not found:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    rows, columns, values = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return rows, columns, values


def _collect(rows_count: int, entries: Triple) -> TopLists:
    rows, columns, values = entries
    return TopLists(np.bincount(rows, minlength=rows_count), columns, values)


def top_of_full_rows(scores: sparse.csr_array, wanted: Indexes) -> TopLists:
    """The first columns, by numba, of the rows whose lists positive scores fill.

    wanted: length of each list, shape (rows,). The lists of other rows are empty: they need zeros
    or negative scores too.
    """
    from ubcf.scoring.kernels.ranking import rank_full_rows

    lengths = np.zeros(len(wanted), dtype=np.int64)
    room = int(np.minimum(np.diff(scores.indptr), wanted).sum())
    columns, values = np.empty(room, dtype=np.int64), np.empty(room)
    rows = scores.indptr, scores.indices, scores.data
    found = rank_full_rows(rows, wanted, lengths, columns, values)
    return TopLists(lengths, columns[:found], values[:found])


@dataclass(frozen=True)
class ListsWanted:
    """What the lists shall hold: how many recommendations and neighbors a user gets.

    excluded: users x tracks; stored entries are never recommended. only_positive: leave out tracks
    whose score is not above 0.
    """

    recommendations: int
    neighbors: int
    excluded: sparse.csr_array | None = None
    only_positive: bool = False

    def tracks_to_rank(self, users: int) -> Indexes:
        """How long the ranking of each user must be, excluded tracks included: shape (users,)."""
        excluded = 0 if self.excluded is None else np.diff(self.excluded.indptr)
        return np.full(users, self.recommendations, dtype=np.int64) + excluded

    def recommended(
        self, scores: sparse.csr_array, users: Indexes, *, compiled: bool = False
    ) -> TopLists:
        """The recommendations of some users from their scores, len(users) x tracks.

        compiled: numba, which has to be installed, may do the work.
        """
        return top_scores(
            scores,
            self.recommendations,
            excluded=None if self.excluded is None else self.excluded[users],
            only_positive=self.only_positive,
            compiled=compiled,
        )
