"""The nearest users of neighborhood.py compiled by numba: products and selection in one pass.

Only imported when numba is there (the extra `ubcf[fast]`). No row of similarities is ever stored:
who cannot be among the nearest is left out at once. Weights are those of scipy, to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from ubcf.compiled_products import LANES_PER_WANTED, best_of_lanes, compiled, longer, take_best
from ubcf.similarity import SIMILARITY_NOISE

if TYPE_CHECKING:
    from ubcf.neighborhood import Neighborhood, UserMatrices


def near_block(
    matrices: UserMatrices, neighborhood: Neighborhood, first: int, stop: int
) -> sparse.csr_array:
    """Weights of the users first..stop-1 with all users, with all that may be among the nearest.

    For neighborhoods of full similarity with so many neighbors. Returns (stop - first) x all users.
    """
    unit, by_track = matrices.unit, matrices.unit_by_track
    counting = neighborhood.shrinkage > 0 or neighborhood.min_common > 1
    heard, heard_by_track = (
        (matrices.pattern, matrices.heard_by_track) if counting else (unit, by_track)
    )
    wanted = neighborhood.neighbors or 1
    least = neighborhood.min_similarity
    starts, columns, values = _near(
        first,
        stop,
        (unit.indptr, unit.indices, unit.data),
        (by_track.indptr, by_track.indices, by_track.data),
        (heard.indptr, heard.indices),
        (heard_by_track.indptr, heard_by_track.indices),
        counting,
        float(neighborhood.shrinkage),
        float(max(neighborhood.min_common, 1)),
        0.0 if least is None else max(float(least), 0.0),
        wanted,
        LANES_PER_WANTED * wanted,
    )
    if not counting:
        values[values < SIMILARITY_NOISE] = 0.0
    block = sparse.csr_array((values, columns, starts), shape=(stop - first, unit.shape[0]))
    block.eliminate_zeros()
    return block


@compiled
def count_common(starts: Any, tracks: Any, users: Any, others: Any, counts: Any) -> None:
    """counts[i]: the tracks that users[i] and others[i] have both heard; fast for users in order.

    starts, tracks: the tracks of all users, row after row.
    """
    heard_by = np.full(tracks.max() + 1 if len(tracks) else 0, -1, dtype=np.int32)
    user = -1
    for i in range(len(users)):
        if users[i] != user:
            user = users[i]
            for place in range(starts[user], starts[user + 1]):
                heard_by[tracks[place]] = user
        common = 0
        for place in range(starts[others[i]], starts[others[i] + 1]):
            common += heard_by[tracks[place]] == user
        counts[i] = common


@compiled
def _near(
    first: Any,
    stop: Any,
    own: Any,
    listeners: Any,
    own_heard: Any,
    heard_by: Any,
    counting: Any,
    shrinkage: Any,
    min_common: Any,
    least: Any,
    wanted: Any,
    lanes: Any,
) -> Any:
    """Weights above 0 by user, as starts, columns and values."""
    own_starts, own_tracks, own_units = own
    track_starts, track_users, track_units = listeners
    heard_starts, heard_tracks = own_heard
    heard_by_starts, heard_by_users = heard_by
    rows = stop - first
    users = len(own_starts) - 1
    starts = np.zeros(rows + 1, dtype=np.int64)
    columns = np.empty(4 * rows * wanted + users, dtype=np.int32)
    values = np.empty(len(columns))
    weights = np.empty(users)
    common = np.zeros(users)
    best = np.empty(lanes)
    found = 0
    for row in range(rows):
        weights[:] = 0.0
        for i in range(own_starts[first + row], own_starts[first + row + 1]):
            unit = own_units[i]
            track = own_tracks[i]
            others = track_users[track_starts[track] : track_starts[track + 1]]
            units = track_units[track_starts[track] : track_starts[track + 1]]
            for place in range(len(others)):
                weights[others[place]] += unit * units[place]
        weights[first + row] = 0.0
        if counting:
            common[:] = 0.0
            for i in range(heard_starts[first + row], heard_starts[first + row + 1]):
                track = heard_tracks[i]
                others = heard_by_users[heard_by_starts[track] : heard_by_starts[track + 1]]
                for place in range(len(others)):
                    common[others[place]] += 1.0
            for user in range(users):
                shrunk = weights[user] * (common[user] / (common[user] + shrinkage))
                counts = (weights[user] >= SIMILARITY_NOISE) & (common[user] >= min_common)
                weights[user] = shrunk if counts else 0.0
        if least > 0:
            for user in range(users):
                weights[user] = weights[user] if weights[user] >= least else 0.0
        positive = best_of_lanes(weights, best)
        if found + users > len(columns):
            columns = longer(columns, 2 * found + users)
            values = longer(values, 2 * found + users)
        found = take_best(weights, positive, wanted, best, columns, values, found)
        starts[row + 1] = found
    return starts, columns[:found], values[:found]
