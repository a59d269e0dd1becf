"""What the three ways share: the job, the blocks of users, and their results.

Nothing users x users or users x tracks is ever held whole. A row does not depend on the block that
it is computed in, so neither block sizes nor the number of threads change a result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.matrices import FloatArray, Indexes, ModelMatrices, Rows, UserPaths, has_entries
from ubcf.scoring.options import Neighborhood
from ubcf.scoring.ranking import ListOptions, TopLists, merged, top_positive
from ubcf.scoring.similarity import (
    NeighborCounts,
    count_common,
    count_neighbors,
    score_block,
    weights,
)

# Bytes that an entry of a similarity or score row takes while its block is in work: value and index
# in the product, and the copies that ranking makes of both. Measured, rounded up.
BYTES_PER_ENTRY = 120

# The kernels keep at most about this many entries per entry of a list.
KEPT_PER_LIST_ENTRY = 4

# Users of a block at most, so that there are enough blocks for all threads and for progress. Larger
# blocks are slower, too: their arrays do not stay in the processor cache.
MOST_USERS_PER_BLOCK = 512

# Stands for a count that a way does not make.
NOT_COUNTED = -1


@dataclass(frozen=True)
class UserBlock:
    """The results for the users start..stop-1; one row or entry per user of the block.

    norms: of the rows of R. positive_scores: the number of tracks with a score above 0, by the
    equality gap or more. Counts are NOT_COUNTED where the way does not make them. common_tracks:
    the number of tracks that both have heard, for each entry of `neighbors`. heard: whether the
    user has heard the track, for each entry of `recommendations`. weights: w, users of the block x
    all users, if it is not of the neighborhood but of a walk; else None.
    """

    start: int
    stop: int
    norms: FloatArray
    counts: NeighborCounts
    positive_scores: NDArray[np.int64]
    neighbors: TopLists
    common_tracks: Indexes
    recommendations: TopLists
    heard: NDArray[np.bool_]
    weights: sparse.csr_array | None = None


@dataclass(frozen=True)
class ScoringJob:
    """What to compute, and with which resources.

    memory: bytes that the blocks in work may take together. most_users: of a block. compiled: use
    the kernels; numba must be installed. scored: the consecutive users whose lists are computed,
    maybe not all.
    """

    matrices: ModelMatrices
    neighborhood: Neighborhood
    lists: ListOptions
    threads: int
    memory: int
    most_users: int
    compiled: bool
    scored: range

    @property
    def users(self) -> int:
        """The number of users."""
        return int(self.matrices.interactions.shape[0])

    @property
    def tracks(self) -> int:
        """The number of tracks."""
        return int(self.matrices.interactions.shape[1])

    @property
    def jobs_at_once(self) -> int:
        """Blocks in the pool: for each thread one in work, and one that waits."""
        return 2 * self.threads

    @cached_property
    def costs(self) -> FloatArray:
        """An upper bound of the entries of each user's rows and list: shape (users,)."""
        return user_costs(self.matrices.interactions) + self.lists.recommendations

    @cached_property
    def ranking_lengths(self) -> Indexes:
        """The length of the ranking that each user needs: shape (users,)."""
        return self.lists.ranking_lengths(self.users)

    @cached_property
    def self_terms_of_products(self) -> FloatArray:
        """What X G has too much of the user's own listening: one value per entry of R.

        It is what the user contributes as its own neighbor, less its own terms.
        """
        times, own = self.matrices.interactions.data, self.matrices.own_terms
        terms: FloatArray = times if own is None else times - own
        return terms

    def self_terms_of_weights(self, start: int, stop: int) -> Rows:
        """The same for W R, of the users start..stop-1: the own terms, negative."""
        heard, own = Rows.of(self.matrices.interactions), self.matrices.own_terms
        entries = slice(heard.starts[start], heard.starts[stop])
        columns = heard.columns[entries]
        terms = np.zeros(len(columns)) if own is None else -own[entries]
        return Rows(heard.starts[start : stop + 1] - entries.start, columns, terms)

    @cached_property
    def costs_of_nearest(self) -> FloatArray:
        """As `costs`, for similarities: the kernels keep little more than the lists."""
        if not self.compiled or self.neighborhood.neighbors is None:
            return self.costs
        kept = KEPT_PER_LIST_ENTRY * (self.neighborhood.neighbors + self.ranking_lengths)
        costs: FloatArray = np.minimum(kept, self.costs)
        return costs

    def blocks(self, costs: FloatArray) -> list[tuple[int, int]]:
        """Ranges (start, stop) of users that fit in the memory; costs: in entries, of each user."""
        most_entries = self.memory / BYTES_PER_ENTRY / self.jobs_at_once
        return user_blocks(costs, most_entries, self.most_users)

    def scored_blocks(self, costs: FloatArray) -> list[tuple[int, int]]:
        """The same for the users that are scored; costs: of all users."""
        first = self.scored.start
        found = self.blocks(costs[first : self.scored.stop])
        return [(first + start, first + stop) for start, stop in found]

    def share(self, users: int) -> float:
        """The share that this many of the users are of those that are scored."""
        return users / len(self.scored)


def weights_of(job: ScoringJob, users: Indexes) -> sparse.csr_array:
    """The weights of all users for some users: len(users) x all users."""
    return weights(job.matrices, job.neighborhood, users)


def scores_of(job: ScoringJob, weights: sparse.csr_array, users: Indexes) -> sparse.csr_array:
    """The scores of some users from their weights: len(users) x tracks."""
    return score_block(weights, job.matrices, users)


def recommended(job: ScoringJob, scores: sparse.csr_array, users: Indexes) -> TopLists:
    """The recommendations of some users from their scores."""
    return job.lists.recommended(scores, users, compiled=job.compiled)


def common_tracks(job: ScoringJob, first: int, neighbors: TopLists) -> Indexes:
    """The number of tracks that each user, from `first` on, shares with each of its neighbors."""
    users = first + neighbors.rows
    return count_common(job.matrices.pattern, users, neighbors.columns, compiled=job.compiled)


def is_heard(job: ScoringJob, first: int, recommendations: TopLists) -> NDArray[np.bool_]:
    """Whether each user, from `first` on, has heard each of its recommendations."""
    users = first + recommendations.rows
    return has_entries(job.matrices.pattern, users, recommendations.columns)


def block_of_users(
    job: ScoringJob,
    users: Indexes,
    similarity: sparse.csr_array,
    neighbors: TopLists,
    scores: sparse.csr_array,
    positive_scores: Indexes,
    weights: sparse.csr_array | None = None,
) -> UserBlock:
    """The results for consecutive users from their similarities and scores."""
    start, stop = int(users[0]), int(users[-1]) + 1
    recommendations = recommended(job, scores, users)
    return UserBlock(
        start,
        stop,
        job.matrices.norms[start:stop],
        count_neighbors(similarity),
        positive_scores,
        neighbors,
        common_tracks(job, start, neighbors),
        recommendations,
        is_heard(job, start, recommendations),
        weights,
    )


def block_without_neighbors(
    job: ScoringJob, start: int, positive_scores: Indexes, recommendations: TopLists
) -> UserBlock:
    """The results for the users from `start` on, without similarities."""
    users = len(positive_scores)
    not_counted = np.full(users, NOT_COUNTED, dtype=np.int64)
    return UserBlock(
        start,
        start + users,
        job.matrices.norms[start : start + users],
        NeighborCounts(not_counted, not_counted),
        positive_scores,
        TopLists.empty(users),
        np.empty(0, dtype=np.int64),
        recommendations,
        is_heard(job, start, recommendations),
    )


def with_neighbors(job: ScoringJob, block: UserBlock) -> UserBlock:
    """The same results with the neighbors and their counts."""
    lists = []
    counts = []
    for start, stop in job.blocks(job.costs[block.start : block.stop]):
        similarity = weights_of(job, np.arange(block.start + start, block.start + stop))
        counts.append(count_neighbors(similarity))
        lists.append((np.arange(start, stop), top_positive(similarity, job.lists.neighbors)))
    neighbors = merged(block.stop - block.start, lists)
    return replace(
        block,
        counts=NeighborCounts(
            np.concatenate([each.positive for each in counts]),
            np.concatenate([each.negative for each in counts]),
        ),
        neighbors=neighbors,
        common_tracks=common_tracks(job, block.start, neighbors),
    )


def user_costs(interactions: sparse.csr_array) -> FloatArray:
    """An upper bound of the entries of each user's similarity and score rows: shape (users,).

    A similarity row has at most one entry per listener of each of the user's tracks, a score row
    at most one per track of each of those listeners; neither exceeds its dense length.
    """
    paths = UserPaths.of(interactions)
    return paths.similarities + paths.scores


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
