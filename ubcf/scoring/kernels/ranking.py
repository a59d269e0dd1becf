"""The kernel of `ubcf.scoring.ranking`: the ranking of rows whose lists positive scores fill."""

from __future__ import annotations

import numpy as np

from ubcf.scoring.kernels.selection import (
    compiled,
    descending_order,
    kth_greatest,
    row_of,
    sort_ties_by_column,
    tie_crosses_floor,
)
from ubcf.scoring.matrices import FloatArray, Indexes, IntArray, Rows
from ubcf.scoring.tolerances import CHAIN_ROOM, EQUALITY_GAP, WORTH_THINNING


@compiled
def rank_full_rows(
    scores: Rows,
    list_lengths: Indexes,
    found_lengths: Indexes,
    columns: Indexes,
    values: FloatArray,
) -> int:
    """Ranks the rows with enough positive scores; returns the number of entries of all lists.

    scores: rows x tracks. list_lengths: of each row. Fills columns and values with the lists, row
    after row, and sets found_lengths[row] of each row that is ranked.
    """
    longest = np.diff(scores.starts).max() if len(found_lengths) else 0
    kept_columns, kept_values = np.empty(longest, dtype=np.int64), np.empty(longest)
    found = 0
    for row in range(len(found_lengths)):
        row_columns, row_values = row_of(scores, row)
        length = list_lengths[row]
        count = _take_positive(row_columns, row_values, length, kept_columns, kept_values)
        if count < length or count == 0:
            continue
        order = descending_order(kept_values[:count])
        last = length - 1
        while (
            last + 1 < count
            and kept_values[order[last]] - kept_values[order[last + 1]] < EQUALITY_GAP
        ):
            last += 1
        if kept_values[order[last]] < EQUALITY_GAP:
            # The equality chain of the last entry reaches 0: zeros take part in the ranking.
            continue
        order = order[: last + 1]
        sort_ties_by_column(order, kept_columns, kept_values)
        for rank in range(length):
            columns[found] = kept_columns[order[rank]]
            values[found] = kept_values[order[rank]]
            found += 1
        found_lengths[row] = length
    return found


@compiled
def _take_positive(
    row_columns: IntArray, row_values: FloatArray, length: int, columns: Indexes, values: FloatArray
) -> int:
    """Copies the positive scores of a row to columns and values; returns their number.

    Of many, only a superset of the first `length` of the ranking and of the equality chain of the
    last one.
    """
    count = _take_from(row_columns, row_values, 0.0, columns, values)
    if count <= WORTH_THINNING * length:
        return count
    floor = kth_greatest(values[:count], length) - CHAIN_ROOM
    if floor > 0:
        fewer = _take_from(row_columns, row_values, floor, columns, values)
        if not tie_crosses_floor(floor, values[:fewer]):
            return fewer
    return _take_from(row_columns, row_values, 0.0, columns, values)


@compiled
def _take_from(
    row_columns: IntArray,
    row_values: FloatArray,
    floor: float,
    columns: Indexes,
    values: FloatArray,
) -> int:
    """Copies the positive scores from `floor` up to columns and values; returns their number."""
    count = 0
    for i in range(len(row_values)):
        columns[count] = row_columns[i]
        values[count] = row_values[i]
        count += (row_values[i] >= floor) & (row_values[i] > 0)
    return count
