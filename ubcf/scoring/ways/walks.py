"""The way `similarities` with a walk: S of all users first, then weights w and scores w R by block.

S holds k neighbors a user; w and the scores are never held whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from ubcf.scoring.heap import release_freed_memory
from ubcf.scoring.matrices import FloatArray
from ubcf.scoring.options import Walk
from ubcf.scoring.parallel import in_turn
from ubcf.scoring.ranking import count_positive, top_positive
from ubcf.scoring.walk import NeighborGraph, similarity_rows
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


def similarities_of_scored(
    job: ScoringJob, pool: ThreadPoolExecutor, advance: Callable[[int], None]
) -> sparse.csr_array:
    """The rows of S of the users that are scored: those users x all users.

    advance: called with the number of users done since the last call.
    """
    return similarity_rows(
        job.matrices,
        job.neighborhood,
        job.scored_blocks(job.costs_of_nearest),
        pool,
        at_once=job.jobs_at_once,
        compiled=job.compiled,
        advance=advance,
    )


def by_walk(
    job: ScoringJob,
    walk: Walk,
    pool: ThreadPoolExecutor,
    advance: Callable[[float], None],
    *,
    similarity: sparse.csr_array | None = None,
) -> Iterator[UserBlock]:
    """Yields the results of the users in blocks of ascending users, with their weights.

    Neighbors and counts are those of S. similarity: S, users x users; None computes it, and is
    possible only if all users are scored. advance: called with the share of the work done since the
    last call; all shares add up to 1.
    """
    share_of_graph = SHARE_OF_SIMILARITIES if similarity is None else 0.0
    if similarity is None:
        similarity = similarities_of_scored(
            job, pool, lambda users: advance(job.share(users) * share_of_graph)
        )
    graph = NeighborGraph(similarity, walk, job.compiled)
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

    for block in in_turn(pool, work, job.scored_blocks(_costs(job, walk)), job.jobs_at_once):
        advance(job.share(block.stop - block.start) * (1 - share_of_graph))
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
