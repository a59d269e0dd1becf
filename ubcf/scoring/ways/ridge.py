"""The way `similarities` with a ridge: weights of all users from one inverse, then scores by block.

The inverse, users x users, is held whole; the scores are not. Neighbors and their counts come from
the similarities of the neighborhood, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import nonzero_entries
from ubcf.scoring.parallel import in_turn
from ubcf.scoring.ranking import count_positive
from ubcf.scoring.ridge import RidgeWeights
from ubcf.scoring.ways.blocks import (
    ScoringJob,
    UserBlock,
    block_without_neighbors,
    recommended,
    with_neighbors,
)

# The share of the time that the inverse takes, for a progress report.
SHARE_OF_INVERSE = 0.5


def by_ridge(
    job: ScoringJob,
    ridge: float,
    pool: ThreadPoolExecutor,
    advance: Callable[[float], None],
    *,
    neighbors: bool,
) -> Iterator[UserBlock]:
    """Yields the results of all users in blocks of ascending users, with their weights.

    ridge: lambda. neighbors: compute the similarities and the neighbors too. advance: called with
    the share of the work done since the last call; all shares add up to 1.
    """
    by_track = job.matrices.by_track
    inverted = RidgeWeights(
        job.matrices.interactions,
        by_track,
        ridge,
        pool,
        advance=lambda share: advance(share * SHARE_OF_INVERSE),
    )

    def work(block: tuple[int, int]) -> UserBlock:
        users = np.arange(*block)
        weights = inverted.columns(users)
        # Dense, and each sum is by ascending user, whatever the block.
        scores = nonzero_entries(np.ascontiguousarray((by_track @ weights).T))
        if job.matrices.own_scores is not None:
            scores = sparse.csr_array(scores + job.matrices.own_scores[users])
        lists = recommended(job, scores, users)
        found = block_without_neighbors(job, block[0], count_positive(scores), lists)
        if neighbors:
            found = with_neighbors(job, found)
        return replace(found, weights=nonzero_entries(np.ascontiguousarray(weights.T)))

    # Users who share no track count too, so the rows are as long as they can be.
    costs = np.full(job.users, float(job.users + job.tracks))
    for block in in_turn(pool, work, job.scored_blocks(costs), job.jobs_at_once):
        advance(job.share(block.stop - block.start) * (1 - SHARE_OF_INVERSE))
        yield block
