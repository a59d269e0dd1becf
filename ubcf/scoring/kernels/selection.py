"""What the compiled loops share: the selection of the best, by numba.

Only imported when numba is there (the extra `ubcf[fast]`).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ubcf.scoring.matrices import IntArray
from ubcf.scoring.tolerances import CHAIN_ROOM, EQUALITY_GAP

# The wanted-th best score of a user is at least the wanted-th best of the best scores of lanes: of
# each so-many-th track. Few lanes make a loose bound, many are slow to select from.
LANES_PER_WANTED = 4

# Scores that are looked through at once: most stretches have none that is kept.
STRETCH = 64

# Many scores are first looked at in so many parts of equal length, laid one upon another: in
# quarters, and these in quarters again.
PARTS = 4 * 4

# Up to so many values are put in order by counting those before each, which needs no branches.
FEW = 400

# Numba's loops over slices, whose indexes start at 0, become vector instructions; others do not. It
# looks at the sign of every index but those of unsigned arrays. What is stored must not be what was
# there under a condition (x[i] = y if y > x[i] else x[i]): that becomes a masked store, which takes
# AMD processors three times as long as a maximum or a product.
compiled = numba.njit(nogil=True, cache=True, error_model="numpy")


def unsigned(indexes: IntArray) -> NDArray[np.unsignedinteger[Any]]:
    """The same indexes, none of them negative, of an unsigned type; not copied."""
    return indexes.view(f"u{indexes.itemsize}")


@compiled
def kth_greatest(values: Any, wanted: Any) -> Any:
    """The wanted-th greatest value, minus infinity when there are fewer.

    Splits what is left by one of its values until the place is found. No step of the split depends
    on a comparison, which is what makes it five times faster than numpy's in numba.
    """
    left = len(values)
    if left < wanted:
        return -np.inf
    room = np.empty((3, left))
    now, greater, less = room[0], room[1], room[2]
    now[:] = values
    while True:
        one, other, third = now[0], now[left // 2], now[left - 1]
        pivot = max(min(one, other), min(max(one, other), third))
        above, below = 0, 0
        for place in range(left):
            value = now[place]
            greater[above] = value
            above += value > pivot
            less[below] = value
            below += value < pivot
        if wanted <= above:
            now, greater = greater, now
            left = above
        elif wanted <= left - below:
            return pivot
        else:
            wanted -= left - below
            now, less = less, now
            left = below


@compiled
def lane_maxima(scores: Any, best: Any) -> Any:
    """The number of positive scores; best[i] becomes the best of the scores i, i + lanes, ..."""
    lanes = len(best)
    best[:] = -np.inf
    positive = 0
    for start in range(0, len(scores), lanes):
        part = scores[start : start + lanes]
        for lane in range(len(part)):
            positive += part[lane] >= EQUALITY_GAP
            best[lane] = np.maximum(part[lane], best[lane])
    return positive


@compiled
def parts_for(scores: Any) -> Any:
    """Arrays that take_best_of_parts works with, for so many scores: a multiple of PARTS."""
    length = scores // PARTS
    return np.empty(4 * length), np.empty(length), np.empty(length, dtype=np.int32)


@compiled
def _greatest_of_quarters(values: Any, greatest: Any) -> None:
    """greatest[i] becomes the greatest of values[i], values[i + n], ...: four of them."""
    length = len(greatest)
    first, second = values[:length], values[length : 2 * length]
    third, fourth = values[2 * length : 3 * length], values[3 * length :]
    for i in range(length):
        one = first[i] if first[i] > second[i] else second[i]
        other = third[i] if third[i] > fourth[i] else fourth[i]
        greatest[i] = one if one > other else other


@compiled
def floor_of(positive: Any, wanted: Any, best: Any, scores: Any) -> Any:
    """A score that none of the wanted best is below, nor anything equal to the last of them.

    positive, best: as lane_maxima gave them. 0 where too few scores are positive to tell.
    """
    if len(best) <= len(scores) and positive > wanted:
        return max(kth_greatest(best, wanted) - CHAIN_ROOM, 0.0)
    return 0.0


@compiled
def tie_crosses_floor(floor: Any, values: Any) -> Any:
    """Whether values next to the floor may be equal to others below it, and these to more."""
    near = False
    for place in range(len(values)):
        near |= values[place] - EQUALITY_GAP < floor
    return near


@compiled
def take_best(
    scores: Any, positive: Any, wanted: Any, best: Any, columns: Any, values: Any, found: Any
) -> Any:
    """Appends what may be among the wanted best to columns and values; returns their new length.

    positive, best: as lane_maxima gave them. Whole rows are taken where too few are positive, or
    where what is left out could be equal to the last one taken.
    """
    floor = floor_of(positive, wanted, best, scores)
    if floor > 0:
        end = take_above(scores, floor, columns, values, found)
        if not tie_crosses_floor(floor, values[found:end]):
            return end
    return take_all(scores, columns, values, found)


@compiled
def take_best_of_parts(
    scores: Any, wanted: Any, best: Any, parts: Any, columns: Any, values: Any, found: Any
) -> Any:
    """What take_best does, faster where there are many scores: they are looked through once.

    best: room for the best of lanes. parts: of parts_for.
    """
    quarters, greatest, places = parts
    _greatest_of_quarters(scores, quarters)
    _greatest_of_quarters(quarters, greatest)
    floor = floor_of(lane_maxima(greatest, best), wanted, best, greatest)
    if floor > 0:
        end = _take_above_of_parts(scores, floor, greatest, places, columns, values, found)
        if not tie_crosses_floor(floor, values[found:end]):
            return end
    return take_all(scores, columns, values, found)


@compiled
def take_all(scores: Any, columns: Any, values: Any, found: Any) -> Any:
    """Appends the scores that are not 0 to columns and values, and returns their new length."""
    for place in range(len(scores)):
        if scores[place] != 0:
            columns[found] = place
            values[found] = scores[place]
            found += 1
    return found


@compiled
def rank_and_keep(
    wanted: Any, least: Any, columns: Any, values: Any, places: Any, found: Any, end: Any
) -> Any:
    """Keeps the wanted first of the values at the places from `found` to before `end`.

    least: those below it do not count. They are ranked as in toplists.py, and stand in the order of
    their columns; places: their ranks, from 0. Returns their end.
    """
    positive = found
    for place in range(found, end):
        if values[place] >= least:
            columns[positive] = columns[place]
            values[positive] = values[place]
            positive += 1
    own_values = values[found:positive]
    order = descending_order(own_values)
    sort_ties_by_column(order, columns[found:positive], own_values)
    for rank in range(len(order)):
        places[found + order[rank]] = rank
    kept = found
    for place in range(found, positive):
        if places[place] < wanted:
            columns[kept] = columns[place]
            values[kept] = values[place]
            places[kept] = places[place]
            kept += 1
    return kept


@compiled
def descending_order(values: Any) -> Any:
    """The places of the values from the greatest to the least; of equal ones the first is first."""
    if len(values) > FEW:
        return np.argsort(-values, kind="mergesort")
    order = np.empty(len(values), dtype=np.int64)
    for place in range(len(values)):
        value = values[place]
        before = 0
        head, tail = values[:place], values[place + 1 :]
        for i in range(len(head)):
            before += head[i] >= value
        for i in range(len(tail)):
            before += tail[i] > value
        order[before] = place
    return order


@compiled
def sort_ties_by_column(order: Any, columns: Any, values: Any) -> None:
    """Ranks as toplists.py does: `order` leads through descending values, equals by column."""
    start = 0
    for rank in range(1, len(order) + 1):
        if rank == len(order) or values[order[rank - 1]] - values[order[rank]] >= EQUALITY_GAP:
            if rank - start > 1:
                equals = order[start:rank].copy()
                order[start:rank] = equals[np.argsort(columns[equals])]
            start = rank


@compiled
def take_above(scores: Any, floor: Any, columns: Any, values: Any, found: Any) -> Any:
    """Appends the scores from `floor` up to columns and values, and returns their new length."""
    for start in range(0, len(scores), STRETCH):
        part = scores[start : start + STRETCH]
        above = 0
        for place in range(len(part)):
            above += part[place] >= floor
        if above:
            for place in range(len(part)):
                if part[place] >= floor:
                    columns[found] = start + place
                    values[found] = part[place]
                    found += 1
    return found


@compiled
def _take_above_of_parts(
    scores: Any, floor: Any, greatest: Any, places: Any, columns: Any, values: Any, found: Any
) -> Any:
    """What take_above does, by the greatest score of each place of the parts.

    places: room for those places of which a score is taken.
    """
    above = 0
    for place in range(len(greatest)):
        places[above] = place
        above += greatest[place] >= floor
    for start in range(0, len(scores), len(greatest)):
        part = scores[start : start + len(greatest)]
        for i in range(above):
            if part[places[i]] >= floor:
                columns[found] = start + places[i]
                values[found] = part[places[i]]
                found += 1
    return found


@compiled
def longer(array: Any, length: Any) -> Any:
    """The array with room for `length` entries."""
    longer = np.empty(length, dtype=array.dtype)
    longer[: len(array)] = array
    return longer
