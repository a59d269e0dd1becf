"""Scores and top lists of all users, a block of users at a time, on several threads.

Nothing users x users or users x tracks is ever held whole. A row is computed alike in every block,
so neither the sizes of the blocks nor the number of threads changes a result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.matrices import FloatArray, row_norms, unit_rows
from ubcf.similarity import NeighborCounts, count_neighbors, similarity_block
from ubcf.toplists import TopLists, count_positive, top_positive, top_scores

# An entry of a similarity or score row costs about this much while its block is worked on: value
# and index in the product, and the copies that ranking makes of both. Measured, rounded up.
BYTES_PER_ENTRY = 120

# Blocks are no larger than this, so that there are enough for all threads and to show progress.
# Larger ones are slower as well: their arrays do not stay in the processor cache.
MOST_USERS_PER_BLOCK = 512


@dataclass(frozen=True)
class UserBlock:
    """The results for the users start..stop-1; one row or entry per user of the block.

    norms: the lengths of their rows of R. positive_scores: how many tracks have a score above 0 (by
    more than the equality gap).
    """

    start: int
    stop: int
    norms: FloatArray
    counts: NeighborCounts
    positive_scores: NDArray[np.int64]
    neighbors: TopLists
    recommendations: TopLists


def score_users(
    interactions: sparse.csr_array,
    *,
    recommendations: int,
    neighbors: int,
    excluded: sparse.csr_array | None = None,
    only_positive: bool = False,
    threads: int = 1,
    memory: int = 1 << 30,
    most_users: int = MOST_USERS_PER_BLOCK,
) -> Iterator[UserBlock]:
    """The neighbors and the recommendations of all users, in blocks of ascending users.

    interactions: R, users x tracks, tracks in ascending order of preference among equal scores.
    recommendations, neighbors: how many of each a user gets.
    excluded: users x tracks; stored entries are never recommended.
    memory: bytes that the blocks in work may take together; at least one user is in work a thread.
    """
    norms = row_norms(interactions)
    unit = unit_rows(interactions, norms)
    unit_by_track = sparse.csr_array(unit.T.tocsr())

    def work(start: int, stop: int) -> UserBlock:
        similarity = similarity_block(unit, unit_by_track, start, stop)
        scores = score_block(similarity, interactions)
        return UserBlock(
            start,
            stop,
            norms[start:stop],
            count_neighbors(similarity),
            count_positive(scores),
            top_positive(similarity, neighbors),
            top_scores(
                scores,
                recommendations,
                excluded=None if excluded is None else excluded[start:stop],
                only_positive=only_positive,
            ),
        )

    # One block a thread is in work, one a thread may wait to be taken.
    entries = memory / BYTES_PER_ENTRY / (2 * threads)
    blocks = user_blocks(user_costs(interactions) + recommendations, entries, most_users)
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[Future[UserBlock]] = deque()
        for start, stop in blocks:
            pending.append(pool.submit(work, start, stop))
            if len(pending) >= 2 * threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def score_block(similarity: sparse.csr_array, interactions: sparse.csr_array) -> sparse.csr_array:
    """score(u, t) = sum over v of w(u, v) * h(v, t) for the users of a similarity block.

    `similarity` is block x users, `interactions` is R (users x tracks); returns block x tracks.
    """
    return sparse.csr_array(similarity @ interactions)


def user_costs(interactions: sparse.csr_array) -> FloatArray:
    """An upper bound of the entries of each user's similarity and score rows: shape (users,).

    A user's similarity row has at most one entry per listener of each of its tracks, its score row
    at most one per track of each of those listeners; neither exceeds its dense length.
    """
    users, tracks = interactions.shape
    tracks_of_user = np.diff(interactions.indptr).astype(np.float64)
    pattern = sparse.csr_array(
        (np.ones_like(interactions.data), interactions.indices, interactions.indptr),
        shape=interactions.shape,
    )
    listeners = pattern.T @ np.ones(users)
    similarity_entries = np.minimum(pattern @ listeners, users)
    score_entries = np.minimum(pattern @ (pattern.T @ tracks_of_user), tracks)
    entries: FloatArray = similarity_entries + score_entries
    return entries


def user_blocks(costs: FloatArray, largest_cost: float, most_users: int) -> list[tuple[int, int]]:
    """Consecutive ranges (start, stop) of users whose costs add up to at most `largest_cost`.

    A range has at least one user, and at most `most_users`.
    """
    blocks: list[tuple[int, int]] = []
    cumulative = np.concatenate([[0.0], np.cumsum(costs)])
    start, users = 0, len(costs)
    while start < users:
        reached = np.searchsorted(cumulative, cumulative[start] + largest_cost, side="right")
        stop = min(max(int(reached) - 1, start + 1), start + most_users, users)
        blocks.append((start, stop))
        start = stop
    return blocks
