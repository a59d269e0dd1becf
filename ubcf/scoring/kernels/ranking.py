"""The ranking of toplists.py compiled by numba, for the rows whose lists positive scores fill.

Only imported when numba is there (the extra `ubcf[fast]`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ubcf.scoring.kernels.selection import (
    compiled,
    descending_order,
    kth_greatest,
    sort_ties_by_column,
    tie_crosses_floor,
)
from ubcf.scoring.tolerances import CHAIN_ROOM, EQUALITY_GAP, WORTH_THINNING


@compiled
def rank_full_rows(rows: Any, wanted: Any, lengths: Any, columns: Any, values: Any) -> Any:
    """Fills lengths, columns and values row after row; returns how many columns there are."""
    starts, all_columns, all_values = rows
    longest = np.diff(starts).max() if len(lengths) else 0
    kept_columns, kept_values = np.empty(longest, dtype=np.int64), np.empty(longest)
    found = 0
    for row in range(len(lengths)):
        row_columns = all_columns[starts[row] : starts[row + 1]]
        row_values = all_values[starts[row] : starts[row + 1]]
        count = _take_positive(row_columns, row_values, wanted[row], kept_columns, kept_values)
        if count < wanted[row] or count == 0:
            continue
        order = descending_order(kept_values[:count])
        # Whether the last one wanted is equal to 0: the zeros take part in the ranking then.
        last = wanted[row] - 1
        while (
            last + 1 < count
            and kept_values[order[last]] - kept_values[order[last + 1]] < EQUALITY_GAP
        ):
            last += 1
        if kept_values[order[last]] < EQUALITY_GAP:
            continue
        order = order[: last + 1]
        sort_ties_by_column(order, kept_columns, kept_values)
        for rank in range(wanted[row]):
            columns[found] = kept_columns[order[rank]]
            values[found] = kept_values[order[rank]]
            found += 1
        lengths[row] = wanted[row]
    return found


@compiled
def _take_positive(
    row_columns: Any, row_values: Any, wanted: Any, columns: Any, values: Any
) -> Any:
    """Fills columns and values with the positive scores of a row; returns how many they are.

    Of many, only those that may be among the wanted first, and what may be equal to the last one.
    """
    count = _take_from(row_columns, row_values, 0.0, columns, values)
    if count <= WORTH_THINNING * wanted:
        return count
    floor = kth_greatest(values[:count], wanted) - CHAIN_ROOM
    if floor > 0:
        fewer = _take_from(row_columns, row_values, floor, columns, values)
        if not tie_crosses_floor(floor, values[:fewer]):
            return fewer
    return _take_from(row_columns, row_values, 0.0, columns, values)


@compiled
def _take_from(row_columns: Any, row_values: Any, floor: Any, columns: Any, values: Any) -> Any:
    """Fills columns and values with the positive scores from `floor` up; returns their number."""
    count = 0
    for place in range(len(row_values)):
        columns[count] = row_columns[place]
        values[count] = row_values[place]
        count += (row_values[place] >= floor) & (row_values[place] > 0)
    return count
