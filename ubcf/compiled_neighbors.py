"""The weights of neighborhood.py compiled by numba: products, options and selection in one pass.

Only imported when numba is there (the extra `ubcf[fast]`). The weights of one user at a time are
held; who cannot be among the nearest is left out at once. Weights are those of scipy, to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from ubcf.compiled_selection import (
    LANES_PER_WANTED,
    STRETCH,
    best_of_lanes,
    compiled,
    keep_first,
    longer,
    take_best,
    unsigned,
    wanted_th,
)
from ubcf.matrices import IntArray, Single
from ubcf.similarity import SIMILARITY_NOISE
from ubcf.tiles import SINGLE_ROUNDING
from ubcf.toplists import CHAIN_ROOM, EQUALITY_GAP, Indexes

if TYPE_CHECKING:
    from ubcf.neighborhood import Neighborhood, UserMatrices

# Candidates for each neighbor that is wanted, at which those that are too far are left out.
ROOM_PER_WANTED = 4

# Tracks that one word of bits stands for.
WORD = np.uint32(32)


def weighed(matrices: UserMatrices, neighborhood: Neighborhood) -> tuple[Any, Any, Any]:
    """What `weigh` makes the weights of a neighborhood of, apart from the number of neighbors."""
    if neighborhood.overlap:
        own, by_track = matrices.times_where_heard
    elif neighborhood.counts_common:
        own, by_track = matrices.unit_where_heard
    else:
        own, by_track = matrices.unit, matrices.unit_by_track
    least = neighborhood.min_similarity
    options = (
        neighborhood.overlap,
        neighborhood.counts_common,
        float(neighborhood.shrinkage),
        float(neighborhood.min_common),
        -np.inf if least is None else float(least),
    )
    return (
        (own.indptr, own.indices, own.data),
        (by_track.indptr, unsigned(by_track.indices), by_track.data),
        options,
    )


def near_block(
    matrices: UserMatrices, neighborhood: Neighborhood, users: Indexes
) -> tuple[sparse.csr_array, IntArray]:
    """Weights of some users with all users, and the place of each among those of its user, from 0.

    Without a number of neighbors, all weights, and no places. Returns len(users) x all users.
    """
    all_users = len(matrices.norms)
    if neighborhood.neighbors is None or neighborhood.overlap:
        single: Single = np.empty(0, dtype=np.float32)
    elif neighborhood.counts_common:
        single = matrices.unit_where_heard_single
    else:
        single = matrices.unit_by_track_single
    starts, columns, values, places = _near(
        users,
        *weighed(matrices, neighborhood),
        single,
        matrices.interactions.shape[1],
        min(neighborhood.neighbors or 0, all_users),
    )
    shape = (len(users), all_users)
    return sparse.csr_array((values, columns, starts), shape=shape), places


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
def _near(
    users: Any, own: Any, listeners: Any, options: Any, single: Any, tracks: Any, wanted: Any
) -> Any:
    """Weights by user, as starts, columns, values and places: see near_block.

    single: the values of the listeners in single precision, where few weights of the cosine are
    wanted. wanted: 0 for all weights.
    """
    all_users = len(own[0]) - 1
    starts = np.zeros(len(users) + 1, dtype=np.int64)
    columns = np.empty(min(2 * wanted, all_users) * len(users) + all_users, dtype=np.int32)
    values = np.empty(len(columns))
    places = np.empty(len(columns) if wanted else 0, dtype=np.int32)
    scratch = scratch_for(all_users, options)
    quick_scratch = _quick_scratch_for(all_users, tracks, options)
    overlap = options[0]
    best = np.empty(LANES_PER_WANTED * wanted)
    found = 0
    for row in range(len(users)):
        if found + all_users > len(columns):
            columns = longer(columns, 2 * found + all_users)
            values = longer(values, 2 * found + all_users)
            if wanted:
                places = longer(places, 2 * found + all_users)
        end = -1
        if wanted and not overlap:
            user = users[row]
            quick = _most_similar(user, own, listeners, single, options, wanted, quick_scratch)
            end = _weigh_some(user, own, options, quick, quick_scratch, columns, values, found)
        if end < 0:
            weights = weigh(users[row], own, listeners, options, scratch)
            positive = best_of_lanes(weights, best) if wanted else 0
            end = take_best(weights, positive, wanted, best, columns, values, found)
        if wanted:
            end = keep_first(wanted, columns, values, places, found, end)
        found = end
        starts[row + 1] = found
    return starts, columns[:found], values[:found], places[: found if wanted else 0]


@compiled
def _quick_scratch_for(users: Any, tracks: Any, options: Any) -> Any:
    """Arrays that `_most_similar` and `_weigh_some` work with; all but the last two are zeros."""
    counting = options[1]
    return (
        np.zeros(users, dtype=np.float32),
        np.zeros(users if counting else 0, dtype=np.uint16),
        np.zeros(tracks),
        np.zeros(tracks // WORD + 1, dtype=np.uint32),
        np.empty(users + STRETCH, dtype=np.int32),
        np.empty(users + STRETCH, dtype=np.float32),
    )


@compiled
def _most_similar(
    user: Any, own: Any, listeners: Any, single: Any, options: Any, wanted: Any, scratch: Any
) -> Any:
    """Those who may be among the nearest of a user, by weights in single precision.

    Returns how many they are, in the last arrays of the scratch, and a weight: nobody else may
    reach it. 0 and 0 when single precision does not tell.
    """
    own_starts, own_tracks, own_values = own
    track_starts, track_users, _ = listeners
    _, counting, shrinkage, min_common, _ = options
    sums, common, _, _, who, weights = scratch
    first, stop = own_starts[user], own_starts[user + 1]
    if counting and stop - first > np.iinfo(np.uint16).max:
        return 0, 0.0
    for i in range(first, stop):
        value = np.float32(own_values[i])
        start, end = track_starts[own_tracks[i]], track_starts[own_tracks[i] + 1]
        others = track_users[start:end]
        values = single[start:end]
        if counting:
            for place in range(len(others)):
                sums[others[place]] += value * values[place]
                common[others[place]] += np.uint16(1)
        else:
            for place in range(len(others)):
                sums[others[place]] += value * values[place]
    sums[user] = 0.0

    # Magnitudes of the terms of a cosine add up to 1 at most.
    error = (stop - first + 8) * SINGLE_ROUNDING
    limit = np.float32(0)
    shrinkage = np.float32(shrinkage)
    found = 0
    full = ROOM_PER_WANTED * wanted
    for start in range(0, len(sums), STRETCH):
        part = sums[start : start + STRETCH]
        above = 0
        if counting:
            counts = common[start : start + STRETCH]
            for place in range(len(part)):
                # Whether the weight, part * counts / (counts + shrinkage), is above the limit.
                tracks = np.float32(counts[place])
                above += tracks * (part[place] - limit) > limit * shrinkage
            if above:
                for place in range(len(part)):
                    tracks = np.float32(counts[place])
                    if tracks * (part[place] - limit) > limit * shrinkage and tracks >= min_common:
                        who[found] = start + place
                        weights[found] = part[place] * (tracks / (tracks + shrinkage))
                        found += 1
            counts[:] = 0
        else:
            for place in range(len(part)):
                above += part[place] > limit
            if above:
                for place in range(len(part)):
                    if part[place] > limit:
                        who[found] = start + place
                        weights[found] = part[place]
                        found += 1
        part[:] = 0.0
        if found > full:
            last = wanted_th(weights[:found], wanted)
            limit = max(limit, np.float32(last - 2 * error - 2 * CHAIN_ROOM))
            found = _keep_above(limit, who, weights, found)
            full = max(full, 2 * found)
    if found < wanted:
        return 0, 0.0
    last = wanted_th(weights[:found], wanted)
    floor = last - error - CHAIN_ROOM
    if floor <= error:
        return 0, 0.0  # who is nothing in single precision may be above it
    limit = max(limit, np.float32(last - 2 * error - 2 * CHAIN_ROOM))
    return _keep_above(limit, who, weights, found), floor


@compiled
def _keep_above(limit: Any, who: Any, weights: Any, found: Any) -> Any:
    """Keeps those above the limit, in their order, and returns how many they are."""
    kept = 0
    for place in range(found):
        if weights[place] > limit:
            who[kept] = who[place]
            weights[kept] = weights[place]
            kept += 1
    return kept


@compiled
def _weigh_some(
    user: Any,
    own: Any,
    options: Any,
    quick: Any,
    scratch: Any,
    columns: Any,
    values: Any,
    found: Any,
) -> Any:
    """Appends the users that `_most_similar` found, with their exact weights, as `weigh` has them.

    Returns the new length, -1 where the nearest may be others.
    """
    starts, tracks, units = own
    _, _, shrinkage, min_common, least = options
    _, _, times, words, who, _ = scratch
    candidates, floor = quick
    if not candidates:
        return -1
    first, stop = starts[user], starts[user + 1]
    for i in range(first, stop):
        track = np.uint32(tracks[i])
        times[track] = units[i]
        words[track // WORD] |= np.uint32(1) << (track % WORD)
    at_edge = False
    end = found
    for place in range(candidates):
        other = who[place]
        total = 0.0
        common = 0
        for i in range(starts[other], starts[other + 1]):
            track = np.uint32(tracks[i])
            if (words[track // WORD] >> (track % WORD)) & np.uint32(1):
                total += times[track] * units[i]
                common += 1
        if common >= min_common:
            weight = total * (common / (common + shrinkage)) if shrinkage else total
            # Next to the floor, the chain of the last one may go on beyond it.
            at_edge |= abs(weight - floor) < EQUALITY_GAP
            if weight >= floor and weight >= least:
                columns[end] = other
                values[end] = weight
                end += 1
    for i in range(first, stop):
        words[np.uint32(tracks[i]) // WORD] = 0
    return -1 if at_edge else end


@compiled
def scratch_for(users: Any, options: Any) -> Any:
    """Arrays that `weigh` works with, for one user after another."""
    overlap, counting, _, _, _ = options
    return (
        np.empty(users),
        np.empty(users if counting else 0, dtype=np.int32),
        np.empty((2, users if overlap else 0)),
    )


@compiled
def weigh(user: Any, own: Any, listeners: Any, options: Any, scratch: Any) -> Any:
    """How much every user counts for one: shape (users,), valid until the next call.

    own, listeners, options: as `weighed` gives them.
    """
    own_starts, own_tracks, own_values = own
    track_starts, track_users, track_values = listeners
    overlap, counting, shrinkage, min_common, least = options
    weights, common, (own_squares, other_squares) = scratch
    weights[:] = 0.0
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
                weights[others[place]] += value * values[place]
                own_squares[others[place]] += value * value
                other_squares[others[place]] += values[place] * values[place]
        else:
            for place in range(len(others)):
                weights[others[place]] += value * values[place]
        if counting:
            for place in range(len(others)):
                common[others[place]] += 1
    if overlap:
        for other in range(len(weights)):
            lengths = own_squares[other] * other_squares[other]
            weights[other] = weights[other] * (1 / np.sqrt(lengths)) if lengths > 0 else 0.0
    weights[user] = 0.0
    if counting:
        for other in range(len(weights)):
            shrunk = weights[other] * (common[other] / (common[other] + shrinkage))
            counts = (abs(weights[other]) >= SIMILARITY_NOISE) & (common[other] >= min_common)
            weights[other] = shrunk if counts else 0.0
    else:
        for other in range(len(weights)):
            weights[other] = weights[other] if abs(weights[other]) >= SIMILARITY_NOISE else 0.0
    if least > -np.inf:
        for other in range(len(weights)):
            weights[other] = weights[other] if weights[other] >= least else 0.0
    return weights
