"""The way `products`: G = X' R between tracks first, held whole, then scores X G - D R.

The same scores as W R, by the associative law: (X X' - D) R = X (X' R) - D R, where D is 1 for
users with a row that is not 0, whose similarity to themselves must not count. G is sparse, tracks x
tracks. The fastest way on most logs when compiled; where G is too large or too dense, see `tiles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy import sparse

from ubcf.scoring import kernels
from ubcf.scoring.matrices import FloatArray, Indexes, Rows
from ubcf.scoring.parallel import do_all, in_turn
from ubcf.scoring.ranking import NOTHING_WITHHELD, Mask, count_positive, top_scores
from ubcf.scoring.ways.blocks import (
    ScoringJob,
    UserBlock,
    block_without_neighbors,
    recommended,
    with_neighbors,
)


@dataclass(frozen=True)
class ProductMatrices:
    """The inputs of `Products`.

    interactions: R, users x tracks. unit: X, with the indexes and index pointers of R.
    unit_by_track: X transposed, tracks x users. self_terms: the user's own contribution, subtracted
    from X G: one value per entry of R. ranking_lengths: of the ranking of each user, shape
    (users,). withheld: tracks that enter no list, as ListOptions.withheld.
    """

    interactions: sparse.csr_array
    unit: sparse.csr_array
    unit_by_track: sparse.csr_array
    self_terms: FloatArray
    ranking_lengths: Indexes
    withheld: Mask = field(default_factory=lambda: NOTHING_WITHHELD)


class Products(Protocol):
    """G, ready for products with users."""

    def scores(self, start: int, stop: int) -> tuple[sparse.csr_array, Indexes]:
        """The scores of the users start..stop-1, users x tracks, and counts of positive scores.

        Scores that cannot be in the ranking of a user may be left out. The counts, shape
        (stop - start,), are of all scores above 0 by the equality gap or more.
        """


def products_for(matrices: ProductMatrices, threads: int, *, compiled: bool) -> Products:
    """G by kernels, for which numba must be installed, or by scipy."""
    if compiled:
        return CompiledProducts(matrices, threads)
    return SparseProducts(matrices)


def load_kernels() -> None:
    """Loads numba and the kernels of products and ranking, if it is installed, by scoring one user.

    That takes half a second; the first time after an installation numba compiles the kernels, which
    takes ten seconds and more.
    """
    if not kernels.has_numba():
        return
    one = sparse.csr_array(np.ones((1, 1)))
    matrices = ProductMatrices(one, one, one, np.ones(1), np.ones(1, dtype=np.int64))
    scores, _ = products_for(matrices, 1, compiled=True).scores(0, 1)
    top_scores(scores, 1, compiled=True)


class SparseProducts:
    """Products by scipy."""

    def __init__(self, matrices: ProductMatrices) -> None:
        """Computes G."""
        self._matrices = matrices
        self._products = sparse.csr_array(matrices.unit_by_track @ matrices.interactions)
        interactions = matrices.interactions
        self._self_terms = sparse.csr_array(
            (matrices.self_terms, interactions.indices, interactions.indptr),
            shape=interactions.shape,
        )

    def scores(self, start: int, stop: int) -> tuple[sparse.csr_array, Indexes]:
        """See Products."""
        scores = sparse.csr_array(
            self._matrices.unit[start:stop] @ self._products - self._self_terms[start:stop]
        )
        return scores, count_positive(scores)


# Ranges of rows of G for each thread: rows of popular tracks take longest, so ranges are many.
RANGES_PER_THREAD = 16


class CompiledProducts:
    """Products by kernels."""

    def __init__(self, matrices: ProductMatrices, threads: int) -> None:
        """Computes G on this many threads."""
        from ubcf.scoring.kernels.products import count_entries, fill_products

        self._tracks = tracks = int(matrices.interactions.shape[1])
        heard = Rows.of(matrices.interactions)
        listeners = Rows.of(matrices.unit_by_track)
        self._units = Rows(heard.starts, heard.columns, matrices.unit.data)
        self._self_terms = Rows(heard.starts, heard.columns, matrices.self_terms)
        self._ranking_lengths = matrices.ranking_lengths
        self._withheld = matrices.withheld
        ranges = _ranges_of_equal_work(heard, listeners, threads * RANGES_PER_THREAD)
        lengths = np.zeros(tracks, dtype=np.int64)
        with ThreadPoolExecutor(threads) as pool:
            do_all(
                pool, lambda ends: count_entries(*ends, tracks, listeners, heard, lengths), ranges
            )
            starts = np.concatenate([[0], np.cumsum(lengths)])
            is_narrow = tracks <= np.iinfo(np.uint16).max + 1
            columns = np.empty(starts[-1], dtype=np.uint16 if is_narrow else np.uint32)
            self._products = products = Rows(starts, columns, np.empty(starts[-1]))
            do_all(
                pool, lambda ends: fill_products(*ends, tracks, listeners, heard, products), ranges
            )

    def scores(self, start: int, stop: int) -> tuple[sparse.csr_array, Indexes]:
        """See Products."""
        from ubcf.scoring.kernels.products import score_rows

        scores, positive = score_rows(
            self._tracks,
            self._units.between(start, stop),
            self._products,
            self._self_terms.between(start, stop),
            self._ranking_lengths[start:stop],
            self._withheld,
        )
        return scores.to_matrix(self._tracks), positive


def _ranges_of_equal_work(heard: Rows, listeners: Rows, count: int) -> list[tuple[int, int]]:
    """About `count` ranges (first, stop) of rows of G that take about the same time.

    heard: users x tracks. listeners: tracks x users.
    """
    tracks = len(listeners.starts) - 1
    additions = np.concatenate([[0], np.cumsum(np.diff(heard.starts).take(listeners.columns))])
    work = additions.take(listeners.starts)
    shares = np.linspace(0, work[-1], count + 1)
    edges = np.unique(np.concatenate([[0], np.searchsorted(work, shares), [tracks]]))
    return list(pairwise(edges))


def scores_from_weights(
    weights: sparse.csr_array,
    interactions: sparse.csr_array,
    self_terms: Rows,
    ranking_lengths: Indexes,
    withheld: Mask,
) -> tuple[sparse.csr_array, Indexes]:
    """Scores W R of a block of users by kernels, and counts, as Products.scores.

    weights: users of the block x all users. interactions: R, users x tracks. self_terms: subtracted
    from the scores, users of the block x tracks. ranking_lengths: of the users of the block.
    withheld: as ListOptions.withheld. numba must be installed.
    """
    from ubcf.scoring.kernels.products import score_rows

    tracks = int(interactions.shape[1])
    scores, positive = score_rows(
        tracks,
        Rows.of(weights),
        Rows.of(interactions),
        self_terms,
        ranking_lengths,
        withheld,
    )
    return scores.to_matrix(tracks), positive


def by_products(
    job: ScoringJob,
    pool: ThreadPoolExecutor,
    advance: Callable[[float], None],
    *,
    neighbors: bool,
) -> Iterator[UserBlock]:
    """Yields the results of all users in blocks of ascending users.

    neighbors: compute the similarities and the neighbors too. advance: called with the share of
    the work done since the last call; all shares add up to 1.
    """
    matrices = ProductMatrices(
        job.matrices.interactions,
        job.matrices.unit,
        job.matrices.unit_by_track,
        job.self_terms_of_products,
        job.ranking_lengths,
        job.lists.withheld,
    )
    products = products_for(matrices, job.threads, compiled=job.compiled)

    def work(block: tuple[int, int]) -> UserBlock:
        start, stop = block
        scores, positive = products.scores(start, stop)
        lists = recommended(job, scores, np.arange(start, stop))
        found = block_without_neighbors(job, start, positive, lists)
        return with_neighbors(job, found) if neighbors else found

    for block in in_turn(pool, work, job.scored_blocks(job.costs), job.jobs_at_once):
        advance(job.share(block.stop - block.start))
        yield block
