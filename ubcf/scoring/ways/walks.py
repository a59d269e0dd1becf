"""The way `similarities` with a walk: S of all users first, then weights w and scores w R by block.

S holds k neighbors a user; w and the scores are never held whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ubcf.scoring.heap import release_freed_memory
from ubcf.scoring.matrices import FloatArray
from ubcf.scoring.options import Walk
from ubcf.scoring.parallel import in_turn
from ubcf.scoring.ranking import count_positive, top_positive
from ubcf.scoring.walk import NeighborGraph
from ubcf.scoring.ways.blocks import (
    KEPT_PER_LIST_ENTRY,
    ScoringJob,
    UserBlock,
    block_of_users,
    scores_of,
)
from ubcf.scoring.ways.products import scores_from_weights

# The share of the time that S takes, for a progress report.
SHARE_OF_SIMILARITIES = 0.5


def by_walk(
    job: ScoringJob, walk: Walk, pool: ThreadPoolExecutor, advance: Callable[[float], None]
) -> Iterator[UserBlock]:
    """Yields the results of all users in blocks of ascending users, with their weights.

    Neighbors and counts are those of S. advance: called with the share of the work done since the
    last call; all shares add up to 1.
    """
    graph = NeighborGraph.of(
        job.matrices,
        job.neighborhood,
        walk,
        job.blocks(job.costs_of_nearest),
        pool,
        at_once=job.jobs_at_once,
        compiled=job.compiled,
        advance=lambda users: advance(users / job.users * SHARE_OF_SIMILARITIES),
    )
    job.matrices.forget_similarities()
    release_freed_memory()

    def work(block: tuple[int, int]) -> UserBlock:
        users = np.arange(*block)
        similarity = graph.similarity[slice(*block)]
        neighbors = top_positive(similarity, job.lists.neighbors)
        weights = graph.weights(users)
        if job.compiled:
            scores, positive = scores_from_weights(
                weights,
                job.matrices.interactions,
                job.self_terms_of_weights(*block),
                job.ranking_lengths[users],
                job.lists.withheld,
            )
        else:
            scores = scores_of(job, weights, users)
            positive = count_positive(scores)
        return block_of_users(job, users, similarity, neighbors, scores, positive, weights)

    for block in in_turn(pool, work, job.blocks(_costs(job, walk)), job.jobs_at_once):
        advance((block.stop - block.start) / job.users * (1 - SHARE_OF_SIMILARITIES))
        yield block


def _costs(job: ScoringJob, walk: Walk) -> FloatArray:
    """An upper bound of the entries of each user's rows: shape (users,).

    The kernels keep little more than the lists. By scipy, a step reaches at most the neighbors of
    all users whom the one before reached, and a score may be at every track.
    """
    if job.compiled:
        return KEPT_PER_LIST_ENTRY * (walk.reach + job.ranking_lengths).astype(np.float64)
    most = walk.reach * (job.neighborhood.neighbors or job.users)
    return np.full(job.users, float(min(most, job.users) + job.tracks))
