"""Top lists: the ranking of tracks by score, and of neighbors by similarity.

A ranking is by value, descending. Adjacent values that differ by less than EQUALITY_GAP are equal,
so runs of them form an equality chain; within a chain, columns ascend. Columns are indexed by
preference (tracks: by popularity), so among equal scores the more popular track goes first.
Scores in an equality chain with 0 become exactly 0, so the sign of a listed score says whether it
is above 0, equal to it, or below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.matrices import (
    FloatArray,
    Indexes,
    IntArray,
    Rows,
    entries_by_row,
    has_entries,
    only_columns,
    only_entries,
    row_of_each_entry,
)
from ubcf.scoring.tolerances import CHAIN_ROOM, EQUALITY_GAP, WORTH_THINNING

# The column of the entry that stands for all zeros of a row in its ranking.
ZERO_BLOCK = -1

# Zeros are first looked for in this many times `count` columns.
FIRST_WIDTH = 2

Triple = tuple[Indexes, Indexes, FloatArray]  # rows, columns and values of entries

Mask = NDArray[np.bool_]

# Every track may be recommended.
NOTHING_WITHHELD: Mask = np.zeros(0, dtype=bool)


@dataclass(frozen=True)
class TopLists:
    """The best columns of each row, row after row, best first.

    lengths: entries of each row, shape (rows,). columns, values: shape (sum of lengths,).
    """

    lengths: Indexes
    columns: Indexes
    values: FloatArray

    @classmethod
    def empty(cls, rows_count: int) -> TopLists:
        """Empty lists for this many rows."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(np.zeros(rows_count, dtype=np.int64), nothing, np.empty(0))

    @property
    def rows(self) -> Indexes:
        """The row of each entry: shape (entries,)."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def ranks(self) -> Indexes:
        """The rank of each entry in its row, from 1: shape (entries,)."""
        starts = np.cumsum(self.lengths) - self.lengths
        return np.arange(1, len(self.columns) + 1) - np.repeat(starts, self.lengths)


def merged(rows_count: int, groups: list[tuple[Indexes, TopLists]]) -> TopLists:
    """The lists of all rows, from those of groups of rows; each group names its rows, ascending."""
    rows = np.concatenate([rows.take(lists.rows) for rows, lists in groups])
    order = np.argsort(rows, kind="stable")
    columns = np.concatenate([lists.columns for _, lists in groups])
    values = np.concatenate([lists.values for _, lists in groups])
    return _collect(rows_count, _taken((rows, columns, values), order))


def best_first_by_row(rows: IntArray, values: FloatArray) -> Indexes:
    """The indexes that sort entries by row, and by descending value within a row."""
    order = np.argsort(-values)
    row_order = np.argsort(rows.astype(_smallest_unsigned(rows)).take(order), kind="stable")
    return order.take(row_order)


def ranked_by_value(values: FloatArray, columns: IntArray) -> Indexes:
    """The indexes that sort values, the greatest first, and equal ones by column.

    Adjacent values that differ by less than EQUALITY_GAP are equal.
    """
    order = np.argsort(-values, kind="stable")
    starts_chain = -np.diff(values[order], prepend=np.inf) >= EQUALITY_GAP
    ranked: Indexes = order[np.lexsort((columns[order], np.cumsum(starts_chain)))]
    return ranked


def position_in_row(rows: IntArray, rows_count: int) -> Indexes:
    """The position of each entry within its row, from 0; rows: of each entry, ascending."""
    lengths = np.bincount(rows, minlength=rows_count)
    starts = np.cumsum(lengths) - lengths
    positions: Indexes = np.arange(len(rows)) - starts[rows]
    return positions


def top_positive(matrix: sparse.csr_array, count: int) -> TopLists:
    """The `count` greatest positive entries of each row, ranked."""
    if count == 0:
        return TopLists.empty(matrix.shape[0])
    matrix = _thinned(matrix, np.full(matrix.shape[0], count, dtype=np.int64))
    positive = np.flatnonzero(matrix.data > 0)
    entries = _ranked(*_taken(_entries_of(matrix), positive))
    best = np.flatnonzero(position_in_row(entries.rows, matrix.shape[0]) < count)
    return _collect(matrix.shape[0], _taken(entries.triple, best))


def top_ranked(matrix: sparse.csr_array, ranks: IntArray, count: int) -> TopLists:
    """The first `count` entries of each row, whose ranks, from 0, are known: shape (nnz,)."""
    first = np.flatnonzero(ranks < count)
    rows = row_of_each_entry(matrix).take(first)
    lengths = np.bincount(rows, minlength=matrix.shape[0])
    order = np.argsort((np.cumsum(lengths) - lengths).take(rows) + ranks.take(first))
    first = first.take(order)
    return TopLists(lengths, matrix.indices.take(first).astype(np.int64), matrix.data.take(first))


def count_positive(scores: sparse.csr_array) -> Indexes:
    """The number of entries above 0, by the equality gap or more, in each row: shape (rows,)."""
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
    only_positive: leave out scores that are not above 0, or equal to 0 by the gap rule.
    compiled: use the kernels; numba must be installed.
    """
    rows_count, tracks = scores.shape
    lengths = np.full(rows_count, count, dtype=np.int64)
    if excluded is not None:
        lengths += np.diff(excluded.indptr)
    if compiled:
        return _top_scores_compiled(scores, count, lengths, excluded, only_positive)
    scores = _thinned(scores, lengths)
    entries = _taken(_entries_of(scores), np.flatnonzero(scores.data))
    zeros = tracks - np.bincount(entries[0], minlength=rows_count)
    ranked = _ranked_around_zeros(entries, zeros, lengths, only_positive)
    ordered = [ranked.above]
    if not only_positive:
        missing = np.where(zeros > 0, np.maximum(lengths - ranked.above_counts, 0), 0)
        distinct = _without(entries, ranked.as_zero, tracks)
        zero_block = _unfold_zeros(missing, tracks, FIRST_WIDTH * count, distinct)
        ordered += [zero_block, ranked.below]
    rows, columns, values = (np.concatenate(arrays) for arrays in zip(*ordered, strict=True))
    by_row = np.argsort(rows.astype(_smallest_unsigned(rows)), kind="stable")
    return _first(rows_count, _taken((rows, columns, values), by_row), count, excluded)


def _top_scores_compiled(
    scores: sparse.csr_array,
    count: int,
    lengths: Indexes,
    excluded: sparse.csr_array | None,
    only_positive: bool,
) -> TopLists:
    """The same: kernels for the rows whose lists positive scores fill, numpy for the others.

    lengths: of the ranking that each row needs, excluded columns included.
    """
    rows_count = scores.shape[0]
    full = top_of_full_rows(scores, lengths)
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
    """The first `count` entries of each row that are not excluded, of ranked entries."""
    rows, columns, _ = ranked
    if excluded is not None:
        ranked = _taken(ranked, np.flatnonzero(~has_entries(excluded, rows, columns)))
    best = np.flatnonzero(position_in_row(ranked[0], rows_count) < count)
    return _collect(rows_count, _taken(ranked, best))


@dataclass(frozen=True)
class _RankedAroundZeros:
    """Ranked entries, by how they compare with the zeros of their row.

    above: at most as many as the list of the row is long; of a row without zeros, all that the list
    takes. as_zero: in one equality chain with the zeros. above_counts: all entries above the zeros,
    shape (rows,).
    """

    above: Triple
    as_zero: Triple
    below: Triple
    above_counts: Indexes


def _ranked_around_zeros(
    entries: Triple, zeros: Indexes, lengths: Indexes, only_positive: bool
) -> _RankedAroundZeros:
    """Ranks the entries that can enter the lists, and compares them with the zeros.

    zeros: the number of columns without an entry, lengths: of the lists, both of shape (rows,).
    """
    rows_count = len(zeros)
    candidates = _taken(entries, _candidates(entries[0], entries[2], zeros, lengths))
    # One entry stands for all zeros of a row.
    anchored = np.flatnonzero((zeros > 0) | only_positive)
    ranked = _ranked(
        np.concatenate([candidates[0], anchored]),
        np.concatenate([candidates[1], np.full(len(anchored), ZERO_BLOCK)]),
        np.concatenate([candidates[2], np.zeros(len(anchored))]),
    )
    _set_equal_to_zero(ranked)
    is_anchor = ranked.columns == ZERO_BLOCK
    anchors = np.flatnonzero(is_anchor)
    zero_chain_of_row = np.full(rows_count, np.iinfo(np.int64).max)
    zero_chain_of_row[ranked.rows[anchors]] = ranked.chains[anchors]
    zero_chain = zero_chain_of_row.take(ranked.rows)
    is_above = ranked.chains < zero_chain
    in_list = position_in_row(ranked.rows, rows_count) < lengths.take(ranked.rows)
    as_zero = np.flatnonzero((ranked.chains == zero_chain) & ~is_anchor)
    return _RankedAroundZeros(
        above=_taken(ranked.triple, np.flatnonzero(is_above & in_list)),
        as_zero=_taken(ranked.triple, as_zero),
        below=_taken(ranked.triple, np.flatnonzero(ranked.chains > zero_chain)),
        above_counts=np.bincount(ranked.rows.take(np.flatnonzero(is_above)), minlength=rows_count),
    )


def _set_equal_to_zero(ranked: _Entries) -> None:
    """Sets the values of each equality chain that reaches 0 to 0, also where no zero is stored."""
    near = np.flatnonzero(np.abs(ranked.values) < EQUALITY_GAP)
    reaches_zero = np.zeros(int(ranked.chains.max(initial=0)) + 1, dtype=bool)
    reaches_zero[ranked.chains.take(near)] = True
    ranked.values[reaches_zero.take(ranked.chains)] = 0.0


def _without(entries: Triple, others: Triple, tracks: int) -> tuple[Indexes, Indexes]:
    """Rows and columns of the entries, less those of other entries."""
    rows, columns, _ = entries
    if len(others[0]):
        is_other = np.isin(rows * tracks + columns, others[0] * tracks + others[1])
        rows, columns = rows[~is_other], columns[~is_other]
    return rows, columns


@dataclass(frozen=True)
class _Entries:
    """Entries in ranked order, row after row; chains: the ascending number of each one's chain."""

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


def _taken(entries: Triple, indexes: Indexes) -> Triple:
    """The entries at these indexes. `take` is faster than indexing, and releases the GIL."""
    rows, columns, values = entries
    return rows.take(indexes), columns.take(indexes), values.take(indexes)


def _ranked(rows: Indexes, columns: Indexes, values: FloatArray) -> _Entries:
    """Sorts entries by row, and by the ranking of this module within a row."""
    rows, columns, values = _taken((rows, columns, values), best_first_by_row(rows, values))
    starts_chain = np.ones(len(rows), dtype=bool)
    starts_chain[1:] = (rows[1:] != rows[:-1]) | (values[:-1] - values[1:] >= EQUALITY_GAP)
    chains = np.cumsum(starts_chain)
    # Chains of two and more entries are still to be sorted by column.
    ends_chain = np.append(starts_chain[1:], True)
    tied = np.flatnonzero(~(starts_chain & ends_chain))
    if len(tied):
        width = int(columns.max()) + 2
        by_column = tied[np.argsort(chains[tied] * width + columns[tied])]
        columns[tied], values[tied] = columns[by_column], values[by_column]
    return _Entries(rows, columns, values, chains)


def _smallest_unsigned(rows: IntArray) -> np.dtype[Any]:
    """The narrowest type for row numbers: numpy sorts 16-bit integers by radix, in linear time."""
    return np.min_scalar_type(int(rows.max(initial=0)))


def _candidates(rows: Indexes, values: FloatArray, zeros: Indexes, lengths: Indexes) -> Indexes:
    """The indexes of the entries that can be in a list, or in the equality chain of the zeros.

    Negative scores can be only where positive ones and zeros do not fill the list, or where one is
    so close to 0 that it may belong to the chain.
    """
    rows_count = len(zeros)
    positive = values > 0
    positives = np.bincount(rows.take(np.flatnonzero(positive)), minlength=rows_count)
    near_zero = np.flatnonzero(~positive & (values > -EQUALITY_GAP))
    needs_negatives = positives + zeros < lengths
    needs_negatives[rows.take(near_zero)] = True
    return np.flatnonzero(positive | needs_negatives.take(rows))


def _thinned(matrix: sparse.csr_array, lengths: Indexes) -> sparse.csr_array:
    """The matrix without the entries that cannot be among the first `lengths[row]` of their row.

    Saves sorting long rows, most of whose entries are far from any list, or equal. Only rows whose
    list is full of positive values are thinned.
    """
    entries = np.diff(matrix.indptr)
    lowest = np.full(len(entries), -np.inf)
    is_kept = np.ones(matrix.nnz, dtype=bool)
    for row in np.flatnonzero(entries > WORTH_THINNING * lengths):
        of_row = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values, length = matrix.data[of_row], int(lengths[row])
        last = np.partition(values, len(values) - length)[-length]
        if last > CHAIN_ROOM:
            lowest[row] = last - CHAIN_ROOM
            # Equal values rank by column, so only the first `length` of them can be in the list.
            tied = np.flatnonzero(values == last)
            if len(tied) > length:
                columns = matrix.indices[of_row].take(tied)
                after = np.argpartition(columns, length)[length:]
                is_kept[of_row.start + tied.take(after)] = False
    floor = np.repeat(lowest, entries)
    # Rows where a kept value may tie with one below the floor stay whole.
    tied = np.flatnonzero((matrix.data >= floor) & (matrix.data - EQUALITY_GAP < floor))
    if len(tied):
        lowest[np.searchsorted(matrix.indptr, tied, side="right") - 1] = -np.inf
        floor = np.repeat(lowest, entries)
    return only_entries(matrix, np.flatnonzero(is_kept & (matrix.data >= floor)))


def _unfold_zeros(
    counts: Indexes,
    tracks: int,
    width: int,
    distinct: tuple[Indexes, Indexes],
) -> Triple:
    """The first counts[row] columns of each row that are zero, or equal to zero, by column.

    distinct: rows and columns of the entries that are not equal to zero. Looks at the first `width`
    columns, and doubles that until every row has enough.
    """
    found: list[Triple] = []
    pending = np.flatnonzero(counts > 0)
    while len(pending):
        width = min(width, tracks)
        is_zero = _is_zero(pending, len(counts), width, distinct)
        enough = (is_zero.sum(axis=1) >= counts[pending]) | (width == tracks)
        is_zero = is_zero[enough]
        done = pending[enough]
        taken = is_zero & (np.cumsum(is_zero, axis=1) <= counts[done][:, np.newaxis])
        block_rows, block_columns = np.nonzero(taken)
        found.append((done[block_rows], block_columns, np.zeros(len(block_rows))))
        pending = pending[~enough]
        width *= 2
    if not found:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    rows, columns, values = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return rows, columns, values


def _is_zero(
    rows: Indexes, rows_count: int, width: int, distinct: tuple[Indexes, Indexes]
) -> NDArray[np.bool_]:
    """Whether the first `width` columns of some rows, of all, are zero: shape (len(rows), width).

    distinct: rows and columns of the entries that are not.
    """
    is_zero = np.ones((len(rows), width), dtype=bool)
    distinct_rows, distinct_columns = distinct
    near = np.flatnonzero(distinct_columns < width)
    block_rows = _index_among(rows, rows_count)[distinct_rows.take(near)]
    here = block_rows >= 0
    is_zero[block_rows[here], distinct_columns.take(near)[here]] = False
    return is_zero


def _index_among(rows: Indexes, rows_count: int) -> Indexes:
    """The index of each row among some rows, -1 for the others: shape (rows_count,)."""
    index = np.full(rows_count, -1)
    index[rows] = np.arange(len(rows))
    return index


def _collect(rows_count: int, entries: Triple) -> TopLists:
    """The lists of entries that are ranked, row after row."""
    rows, columns, values = entries
    return TopLists(np.bincount(rows, minlength=rows_count), columns, values)


def top_of_full_rows(scores: sparse.csr_array, lengths: Indexes) -> TopLists:
    """The lists, by kernels, of the rows with enough positive scores; other lists are empty.

    scores: rows x tracks. lengths: of each list, shape (rows,). The lists of the other rows need
    zeros or negative scores too. numba must be installed.
    """
    from ubcf.scoring.kernels.ranking import rank_full_rows

    found_lengths = np.zeros(len(lengths), dtype=np.int64)
    room = int(np.minimum(np.diff(scores.indptr), lengths).sum())
    columns, values = np.empty(room, dtype=np.int64), np.empty(room)
    found = rank_full_rows(Rows.of(scores), lengths, found_lengths, columns, values)
    return TopLists(found_lengths, columns[:found], values[:found])


@dataclass(frozen=True)
class ListOptions:
    """What the lists of all users hold.

    recommendations, neighbors: entries of each list. excluded: users x tracks; stored entries are
    never recommended. only_positive: leave out tracks whose score is not above 0. recommendable:
    whether each track may be recommended, shape (tracks,), at least one of them; None: all may.
    The ranking is then one of these tracks alone.
    """

    recommendations: int
    neighbors: int
    excluded: sparse.csr_array | None = None
    only_positive: bool = False
    recommendable: Mask | None = None

    @cached_property
    def withheld(self) -> Mask:
        """Whether each track must not be recommended: shape (tracks,), or NOTHING_WITHHELD."""
        return NOTHING_WITHHELD if self.recommendable is None else ~self.recommendable

    def ranking_lengths(self, users: int) -> Indexes:
        """The length of the ranking of each user, excluded tracks included: shape (users,)."""
        excluded = 0 if self.excluded is None else np.diff(self.excluded.indptr)
        return np.full(users, self.recommendations, dtype=np.int64) + excluded

    def recommended(
        self, scores: sparse.csr_array, users: Indexes, *, compiled: bool = False
    ) -> TopLists:
        """The recommendations of some users from their scores, len(users) x tracks.

        compiled: use the kernels; numba must be installed.
        """
        excluded = None if self.excluded is None else self.excluded[users]
        if self.recommendable is not None:
            scores = only_columns(scores, self.recommendable)
            excluded = None if excluded is None else only_columns(excluded, self.recommendable)
        lists = top_scores(
            scores,
            self.recommendations,
            excluded=excluded,
            only_positive=self.only_positive,
            compiled=compiled,
        )
        if self.recommendable is None:
            return lists
        return replace(lists, columns=np.flatnonzero(self.recommendable).take(lists.columns))
