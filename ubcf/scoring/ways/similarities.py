"""The way `similarities`: weights W between users first, then scores W R, block by block.

Cheap where users share few tracks. Neighbors and all counts come at no extra cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import Indexes
from ubcf.scoring.parallel import in_turn
from ubcf.scoring.ranking import TopLists, count_positive, top_positive, top_ranked
from ubcf.scoring.similarity import nearest_weights
from ubcf.scoring.ways.blocks import (
    ScoringJob,
    UserBlock,
    block_of_users,
    scores_of,
    weights_of,
)
from ubcf.scoring.ways.products import scores_from_weights


def by_similarities(
    job: ScoringJob, pool: ThreadPoolExecutor, advance: Callable[[float], None]
) -> Iterator[UserBlock]:
    """Yields the results of all users in blocks of ascending users.

    advance: called with the share of the work done since the last call; all shares add up to 1.
    """

    def work(block: tuple[int, int]) -> UserBlock:
        users = np.arange(*block)
        found = _by_kernels(job, users) if job.compiled else _by_scipy(job, users)
        return block_of_users(job, users, *found)

    for block in in_turn(pool, work, job.scored_blocks(job.costs_of_nearest), job.jobs_at_once):
        advance(job.share(block.stop - block.start))
        yield block


# Weights, neighbors, scores, and the number of positive scores of some users.
Found = tuple[sparse.csr_array, TopLists, sparse.csr_array, Indexes]


def _by_scipy(job: ScoringJob, users: Indexes) -> Found:
    """All weights and scores."""
    weights = weights_of(job, users)
    scores = scores_of(job, weights, users)
    return weights, top_positive(weights, job.lists.neighbors), scores, count_positive(scores)


def _by_kernels(job: ScoringJob, users: Indexes) -> Found:
    """The same for consecutive users, without the scores that cannot enter a list."""
    weights, ranks = nearest_weights(job.matrices, job.neighborhood, users)
    neighbors = (
        top_positive(weights, job.lists.neighbors)
        if job.neighborhood.neighbors is None
        else top_ranked(weights, ranks, job.lists.neighbors)
    )
    scores, positive = scores_from_weights(
        weights,
        job.matrices.interactions,
        job.self_terms_of_weights(int(users[0]), int(users[-1]) + 1),
        job.ranking_lengths[users],
        job.lists.withheld,
    )
    return weights, neighbors, scores, positive
