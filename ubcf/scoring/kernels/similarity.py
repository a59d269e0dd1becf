"""The weights of neighborhood.py compiled by numba: products, options and selection in one pass.

Only imported when numba is there (the extra `ubcf[fast]`). The weights of one user at a time are
held; who cannot be among the nearest is left out at once. Weights are those of scipy, to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ubcf.scoring.kernels.selection import (
    LANES_PER_WANTED,
    PARTS,
    compiled,
    lane_maxima,
    longer,
    parts_for,
    rank_and_keep,
    take_all,
    take_best,
    take_best_of_parts,
)
from ubcf.scoring.tolerances import SIMILARITY_NOISE

# The least weight of a neighbor, where only so many users count.
ABOVE_ZERO = float(np.finfo(np.float64).smallest_subnormal)


@compiled
def count_common(
    starts: Any, tracks: Any, all_tracks: Any, users: Any, others: Any, counts: Any
) -> None:
    """counts[i]: the tracks that users[i] and others[i] have both heard; fast for users in order.

    starts, tracks: the tracks of all users, row after row, of so many in all.
    """
    heard_by = np.full(all_tracks, -1, dtype=np.int32)
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
def nearest_rows(users: Any, own: Any, listeners: Any, options: Any, wanted: Any) -> Any:
    """Weights by user, as starts, columns, values and places: see near_block.

    wanted: 0 for all weights.
    """
    all_users = len(own[0]) - 1
    starts = np.zeros(len(users) + 1, dtype=np.int64)
    columns = np.empty(min(2 * wanted, all_users) * len(users) + all_users, dtype=np.int32)
    values = np.empty(len(columns))
    places = np.empty(len(columns) if wanted else 0, dtype=np.int32)
    scratch = scratch_for(own, options)
    best = np.empty(LANES_PER_WANTED * wanted)
    parts = parts_for(len(scratch[0]))
    least = smallest_kept_weight(options, wanted)
    found = 0
    for row in range(len(users)):
        user = users[row]
        if found + all_users > len(columns):
            columns = longer(columns, 2 * found + all_users)
            values = longer(values, 2 * found + all_users)
            if wanted:
                places = longer(places, 2 * found + all_users)
        weights = weights_of_user(user, own, listeners, options, wanted, scratch)
        if wanted == 0:
            end = take_all(weights, columns, values, found)
        elif len(weights) >= PARTS * len(best):
            end = take_best_of_parts(weights, wanted, best, parts, columns, values, found)
        else:
            positive = lane_maxima(weights, best)
            end = take_best(weights, positive, wanted, best, columns, values, found)
        if wanted:
            end = rank_and_keep(wanted, least, columns, values, places, found, end)
        found = end
        starts[row + 1] = found
    return starts, columns[:found], values[:found], places[: found if wanted else 0]


@compiled
def scratch_for(own: Any, options: Any) -> Any:
    """Arrays that `weights_of_user` works with, for one user after another.

    own: the tracks of all users, as `weighed` gives them.
    """
    overlap, counting, shrinkage, min_common, counter, _ = options
    starts, _, _ = own
    users = len(starts) - 1
    # whole parts: further users are none, and similar to nobody
    room = -(-users // PARTS) * PARTS
    most_common = np.diff(starts).max() if counting and users else 0
    # What tracks in common make of a similarity: looked up, for dividing takes longer.
    shares = np.arange(most_common + 1) / (np.arange(most_common + 1) + shrinkage)
    shares[: min(int(np.ceil(min_common)), len(shares))] = 0.0
    return (
        np.empty(room),
        np.empty(room if counting else 0, dtype=counter.dtype),
        np.empty((2, room if overlap else 0)),
        shares,
    )


@compiled
def smallest_kept_weight(options: Any, wanted: Any) -> Any:
    """The smallest of the weights of `weights_of_user` that counts among the nearest users."""
    return max(SIMILARITY_NOISE, options[-1]) if _is_plain_cosine(options, wanted) else ABOVE_ZERO


@compiled
def _is_plain_cosine(options: Any, wanted: Any) -> Any:
    """Whether weights are left as cosines: what is too little is told when they are taken."""
    overlap, counting, _, _, _, _ = options
    return wanted > 0 and not overlap and not counting


@compiled
def weights_of_user(
    user: Any, own: Any, listeners: Any, options: Any, wanted: Any, scratch: Any
) -> Any:
    """How much every user counts for one, by user, valid until the next call.

    own, listeners, options: as `weighed` gives them. wanted: so many users count, and of them only
    those with `smallest_kept_weight`; 0: all users do.
    """
    _, counting, _, _, _, least = options
    _, common, _, shares = scratch
    if _is_plain_cosine(options, wanted):
        return _cosines(user, own, listeners, scratch)
    weights = _similarities(user, own, listeners, options, scratch)
    if counting:
        for other in range(len(weights)):
            shrunk = weights[other] * shares[common[other]]
            weights[other] = shrunk if abs(weights[other]) >= SIMILARITY_NOISE else 0.0
    else:
        for other in range(len(weights)):
            weights[other] *= abs(weights[other]) >= SIMILARITY_NOISE
    if least > -np.inf:
        for other in range(len(weights)):
            weights[other] *= weights[other] >= least
    return weights


@compiled
def _similarities(user: Any, own: Any, listeners: Any, options: Any, scratch: Any) -> Any:
    """How similar every user is to one, noise included, without self; counts the common tracks."""
    own_starts, own_tracks, own_values = own
    track_starts, track_users, track_values = listeners
    overlap, counting, _, _, _, _ = options
    sums, common, (own_squares, other_squares), _ = scratch
    if not overlap and not counting:
        return _cosines(user, own, listeners, scratch)
    sums[:] = 0.0
    common[:] = 0
    own_squares[:] = 0.0
    other_squares[:] = 0.0
    for i in range(own_starts[user], own_starts[user + 1]):
        value = own_values[i]
        first, stop = track_starts[own_tracks[i]], track_starts[own_tracks[i] + 1]
        others = track_users[first:stop]
        values = track_values[first:stop]
        if overlap:
            for place in range(len(others)):
                sums[others[place]] += value * values[place]
                own_squares[others[place]] += value * value
                other_squares[others[place]] += values[place] * values[place]
                if counting:
                    common[others[place]] += 1
        else:
            for place in range(len(others)):
                sums[others[place]] += value * values[place]
                common[others[place]] += 1
    if overlap:
        for other in range(len(sums)):
            lengths = own_squares[other] * other_squares[other]
            sums[other] = sums[other] * (1 / np.sqrt(lengths)) if lengths > 0 else 0.0
    sums[user] = 0.0
    return sums


@compiled
def _cosines(user: Any, own: Any, listeners: Any, scratch: Any) -> Any:
    """The cosine of every user with one, noise included; 0 with itself."""
    own_starts, own_tracks, own_values = own
    track_starts, track_users, track_values = listeners
    cosines = scratch[0]
    cosines[:] = 0.0
    for i in range(own_starts[user], own_starts[user + 1]):
        value = own_values[i]
        first, stop = track_starts[own_tracks[i]], track_starts[own_tracks[i] + 1]
        others = track_users[first:stop]
        values = track_values[first:stop]
        for place in range(len(others)):
            cosines[others[place]] += value * values[place]
    cosines[user] = 0.0
    return cosines
