"""The products of products.py compiled by numba: product and selection in one pass.

Only imported when numba is there (the extra `ubcf[fast]`). No row of scores is ever stored: what
cannot be in the list of a user is left out at once. The scores are those of SparseProducts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ubcf.scoring.kernels.selection import compiled, lane_maxima, longer, take_best

# With fewer additions than this share of the tracks, the scores that are not 0 are listed, and the
# others not looked at.
MOST_ADDITIONS_TO_LIST = 1 / 4

# Rows of G with more than this share of entries are put in order: it makes the products faster.
WORTH_ORDERING = 1 / 32


@compiled
def count_entries(
    first: Any, stop: Any, tracks: Any, listeners: Any, heard: Any, lengths: Any
) -> None:
    """lengths[t]: the entries of row t of G, for the tracks first..stop-1."""
    track_starts, users, _ = listeners
    user_starts, user_tracks, _ = heard
    seen = np.full(tracks, -1, dtype=np.int32)
    for track in range(first, stop):
        entries = 0
        for i in range(track_starts[track], track_starts[track + 1]):
            for j in range(user_starts[users[i]], user_starts[users[i] + 1]):
                other = user_tracks[j]
                entries += seen[other] != track
                seen[other] = track
        lengths[track] = entries


@compiled
def fill_products(
    first: Any, stop: Any, tracks: Any, listeners: Any, heard: Any, products: Any
) -> None:
    """G(t, c) = sum over the users v of x(v, t) * h(v, c), for the tracks t in first..stop-1."""
    track_starts, users, units = listeners
    user_starts, user_tracks, times = heard
    starts, columns, values = products
    seen = np.full(tracks, -1, dtype=np.int32)
    sums = np.zeros(tracks)
    for track in range(first, stop):
        end = starts[track]
        for i in range(track_starts[track], track_starts[track + 1]):
            unit = units[i]
            for j in range(user_starts[users[i]], user_starts[users[i] + 1]):
                other = user_tracks[j]
                if seen[other] != track:
                    seen[other] = track
                    sums[other] = 0.0
                    columns[end] = other
                    end += 1
                sums[other] += unit * times[j]
        if end - starts[track] > WORTH_ORDERING * tracks:
            end = starts[track]
            for other in range(tracks):
                if seen[other] == track:
                    columns[end] = other
                    end += 1
        for place in range(starts[track], end):
            values[place] = sums[columns[place]]


@compiled
def score_rows(
    rows: Any,
    tracks: Any,
    factors: Any,
    products: Any,
    first_user: Any,
    own: Any,
    wanted: Any,
    lanes: Any,
) -> Any:
    """Scores by user as starts, columns and values, and how many of each user are positive.

    A score is the sum of factors times rows of products, less what is the user's own. The factors
    of the first user are row rows[0], what is its own is row first_user.
    """
    first, stop = rows
    factor_starts, factor_columns, factor_values = factors
    own_starts, own_tracks, own_values = own
    product_starts, product_columns, product_values = products
    users = stop - first
    starts = np.zeros(users + 1, dtype=np.int64)
    positive = np.zeros(users, dtype=np.int64)
    columns = np.empty(2 * wanted.sum() + tracks, dtype=np.int32)
    values = np.empty(len(columns))
    scores = np.zeros(tracks)
    few = np.empty(tracks + 1, dtype=np.int32), np.empty(tracks)
    best = np.empty(lanes)
    found = 0
    for row in range(users):
        if found + tracks > len(columns):
            columns = longer(columns, 2 * found + tracks)
            values = longer(values, 2 * found + tracks)
        first_factor, after = factor_starts[first + row], factor_starts[first + row + 1]
        first_own, after_own = own_starts[first_user + row], own_starts[first_user + row + 1]
        additions = after_own - first_own
        for i in range(first_factor, after):
            additions += product_starts[factor_columns[i] + 1] - product_starts[factor_columns[i]]
        if additions < MOST_ADDITIONS_TO_LIST * tracks:
            mine = own_tracks[first_own:after_own], own_values[first_own:after_own]
            of_row = factor_columns[first_factor:after], factor_values[first_factor:after]
            listed = _list_scores(of_row, products, mine, scores, few)
            few_columns, few_values = few[0][:listed], few[1][:listed]
            positive[row] = lane_maxima(few_values, best)
            end = take_best(few_values, positive[row], wanted[row], best, columns, values, found)
            for place in range(found, end):
                columns[place] = few_columns[columns[place]]
            found = end
            starts[row + 1] = found
            continue

        for i in range(first_factor, after):
            factor = factor_values[i]
            column = factor_columns[i]
            row_columns = product_columns[product_starts[column] : product_starts[column + 1]]
            row_values = product_values[product_starts[column] : product_starts[column + 1]]
            for place in range(len(row_columns)):
                scores[row_columns[place]] += factor * row_values[place]
        for i in range(first_own, after_own):
            scores[own_tracks[i]] -= own_values[i]

        positive[row] = lane_maxima(scores, best)
        found = take_best(scores, positive[row], wanted[row], best, columns, values, found)
        starts[row + 1] = found
        scores[:] = 0.0
    return starts, columns[:found], values[:found], positive


@compiled
def _list_scores(factors: Any, products: Any, own: Any, scores: Any, few: Any) -> Any:
    """The scores that are not 0, in any order, as the columns and values `few`; how many they are.

    scores: zeros for every track, which they are again afterwards.
    """
    columns, values = few
    product_starts, product_columns, product_values = products
    listed = 0
    for i in range(len(factors[0])):
        column, factor = factors[0][i], factors[1][i]
        row_columns = product_columns[product_starts[column] : product_starts[column + 1]]
        row_values = product_values[product_starts[column] : product_starts[column + 1]]
        for place in range(len(row_columns)):
            track = row_columns[place]
            columns[listed] = track
            listed += scores[track] == 0
            scores[track] += factor * row_values[place]
    for i in range(len(own[0])):
        track = own[0][i]
        columns[listed] = track
        listed += scores[track] == 0
        scores[track] -= own[1][i]
    kept = 0
    for place in range(listed):
        # A score that was 0 on the way is listed twice: the second time it is 0 again.
        track = columns[place]
        columns[kept] = track
        values[kept] = scores[track]
        kept += scores[track] != 0
        scores[track] = 0.0
    return kept
