"""The kernels of `ubcf.scoring.ways.products`: G, and products with G and their selection.

No row of scores is ever stored: what cannot be in a user's list is dropped at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ubcf.scoring.kernels.prefetch import ROWS_AHEAD, prefetch_row
from ubcf.scoring.kernels.selection import (
    LANES_PER_LIST_ENTRY,
    Buffers,
    append_best,
    buffers_for,
    compiled,
    lane_maxima,
    row_of,
    with_room,
)
from ubcf.scoring.matrices import FloatArray, Indexes, Rows

# With fewer additions than this share of the tracks, only the scores that are not 0 are listed, and
# the others are never looked at.
MOST_ADDITIONS_TO_LIST = 1 / 4

# Rows of G with more than this share of entries are sorted by column: products get faster.
WORTH_SORTING = 1 / 32


@compiled
def count_entries(
    first: int, stop: int, tracks: int, listeners: Rows, heard: Rows, lengths: Indexes
) -> None:
    """Fills lengths[t] with the number of entries of row t of G, for the tracks first..stop-1.

    tracks: of G. listeners: tracks x users. heard: users x tracks.
    """
    seen = np.full(tracks, -1, dtype=np.int32)
    for track in range(first, stop):
        entries = 0
        for i in range(listeners.starts[track], listeners.starts[track + 1]):
            user = listeners.columns[i]
            for j in range(heard.starts[user], heard.starts[user + 1]):
                other = heard.columns[j]
                entries += seen[other] != track
                seen[other] = track
        lengths[track] = entries


@compiled
def fill_products(
    first: int, stop: int, tracks: int, listeners: Rows, heard: Rows, products: Rows
) -> None:
    """G(t, c) = sum over users v of x(v, t) * h(v, c), for the rows t in first..stop-1.

    tracks: of G. listeners: X transposed, tracks x users. heard: R, users x tracks. products: G,
    whose starts are known; its columns and values are filled.
    """
    starts, columns, values = products
    seen = np.full(tracks, -1, dtype=np.int32)
    sums = np.zeros(tracks)
    for track in range(first, stop):
        end = starts[track]
        for i in range(listeners.starts[track], listeners.starts[track + 1]):
            user, unit = listeners.columns[i], listeners.values[i]
            for j in range(heard.starts[user], heard.starts[user + 1]):
                other = heard.columns[j]
                if seen[other] != track:
                    seen[other] = track
                    sums[other] = 0.0
                    columns[end] = other
                    end += 1
                sums[other] += unit * heard.values[j]
        if end - starts[track] > WORTH_SORTING * tracks:
            end = starts[track]
            for other in range(tracks):
                if seen[other] == track:
                    columns[end] = other
                    end += 1
        for i in range(starts[track], end):
            values[i] = sums[columns[i]]


@compiled
def score_rows(
    tracks: int,
    factors: Rows,
    products: Rows,
    self_terms: Rows,
    list_lengths: Indexes,
    withheld: NDArray[np.bool_],
) -> tuple[Rows, Indexes]:
    """The scores that may enter the lists of users, users x tracks, and counts of positive scores.

    Scores are factors times products, minus self_terms. factors: users x rows of `products`.
    products: rows x tracks. self_terms: users x tracks. list_lengths: of each user, shape (users,).
    withheld: whether each track enters no list, shape (tracks,); (0,): each may enter one.
    The counts, shape (users,), are of all scores above 0 by the equality gap or more.
    """
    users = len(list_lengths)
    starts = np.zeros(users + 1, dtype=np.int64)
    positive = np.zeros(users, dtype=np.int64)
    kept = buffers_for(2 * list_lengths.sum() + tracks)
    scores = np.zeros(tracks)
    listed = buffers_for(tracks + 1)
    maxima = np.empty(LANES_PER_LIST_ENTRY * list_lengths.max())
    found = 0
    for row in range(users):
        if found + tracks > len(kept.columns):
            kept = with_room(kept, 2 * found + tracks)
        length = list_lengths[row]
        if _count_additions(row, factors, products, self_terms) < MOST_ADDITIONS_TO_LIST * tracks:
            count = _list_scores(row, factors, products, self_terms, scores, listed)
            values = listed.values[:count]
            positive[row] = lane_maxima(values, maxima)
            in_reach = positive[row]
            if len(withheld):
                for i in range(count):
                    values[i] = 0.0 if withheld[listed.columns[i]] else values[i]
                in_reach = lane_maxima(values, maxima)
            end = append_best(values, in_reach, length, maxima, kept, found)
            for i in range(found, end):
                kept.columns[i] = listed.columns[kept.columns[i]]
            found = end
        else:
            _add_scores(row, factors, products, self_terms, scores)
            positive[row] = lane_maxima(scores, maxima)
            in_reach = positive[row]
            if len(withheld):
                for track in range(tracks):
                    scores[track] = 0.0 if withheld[track] else scores[track]
                in_reach = lane_maxima(scores, maxima)
            found = append_best(scores, in_reach, length, maxima, kept, found)
            scores[:] = 0.0
        starts[row + 1] = found
    return Rows(starts, kept.columns[:found], kept.values[:found]), positive


@compiled
def _count_additions(row: int, factors: Rows, products: Rows, self_terms: Rows) -> int:
    """The number of additions that the scores of a row take."""
    additions: int = self_terms.starts[row + 1] - self_terms.starts[row]
    for i in range(factors.starts[row], factors.starts[row + 1]):
        column = factors.columns[i]
        additions += products.starts[column + 1] - products.starts[column]
    return additions


@compiled
def _add_scores(
    row: int, factors: Rows, products: Rows, self_terms: Rows, scores: FloatArray
) -> None:
    """Adds the scores of a row to `scores`, zeros for every track."""
    stop = factors.starts[row + 1]
    for i in range(factors.starts[row], stop):
        if i + ROWS_AHEAD < stop:
            prefetch_row(products, factors.columns[i + ROWS_AHEAD])
        factor = factors.values[i]
        columns, values = row_of(products, factors.columns[i])
        for j in range(len(columns)):
            scores[columns[j]] += factor * values[j]
    for i in range(self_terms.starts[row], self_terms.starts[row + 1]):
        scores[self_terms.columns[i]] -= self_terms.values[i]


@compiled
def _list_scores(
    row: int,
    factors: Rows,
    products: Rows,
    self_terms: Rows,
    scores: FloatArray,
    listed: Buffers,
) -> int:
    """Lists the scores of a row that are not 0, in any order; returns their number.

    scores: zeros for every track; they are zeros again on return.
    """
    count = 0
    stop = factors.starts[row + 1]
    for i in range(factors.starts[row], stop):
        if i + ROWS_AHEAD < stop:
            prefetch_row(products, factors.columns[i + ROWS_AHEAD])
        factor = factors.values[i]
        columns, values = row_of(products, factors.columns[i])
        for j in range(len(columns)):
            track = columns[j]
            listed.columns[count] = track
            count += scores[track] == 0
            scores[track] += factor * values[j]
    for i in range(self_terms.starts[row], self_terms.starts[row + 1]):
        track = self_terms.columns[i]
        listed.columns[count] = track
        count += scores[track] == 0
        scores[track] -= self_terms.values[i]
    kept = 0
    for i in range(count):
        # A score that became 0 on the way is listed twice; the second time it is 0 again.
        track = listed.columns[i]
        listed.columns[kept] = track
        listed.values[kept] = scores[track]
        kept += scores[track] != 0
        scores[track] = 0.0
    return kept
