"""Scores from the tracks' side, with all products of tracks at hand: X G - D R with G = X' R.

The same scores as similarity times interactions (scoring.py), by the associative law:
S R = (X X' - D) R = X (X' R) - D R, where D is 1 for users with a non-zero row (their similarity to
themselves, which must not count). G, tracks x tracks, is sparse and held whole; where it is too
large or too full for that, `tiles` takes it a tile at a time. The fastest way on most logs when
compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from scipy import sparse

from ubcf.scoring import kernels
from ubcf.scoring.matrices import FloatArray, Indexes
from ubcf.scoring.parallel import do_all, in_turn
from ubcf.scoring.ranking import count_positive, top_scores
from ubcf.scoring.ways.blocks import (
    ScoringJob,
    UserBlock,
    block_without_neighbors,
    recommended,
    with_neighbors,
)


@dataclass(frozen=True)
class ProductMatrices:
    """What the products are made of.

    by_user: R, users x tracks. unit: X, with the indexes and index pointers of R. unit_by_track: X
    transposed, tracks x users. own: what X G has too much, for each entry of R. wanted: how many
    tracks each user wants ranked, shape (users,).
    """

    by_user: sparse.csr_array
    unit: sparse.csr_array
    unit_by_track: sparse.csr_array
    own: FloatArray
    wanted: Indexes


class Products(Protocol):
    """G, ready to be multiplied with."""

    def scores(self, start: int, stop: int) -> tuple[sparse.csr_array, Indexes]:
        """The scores of the users start..stop-1, as users x tracks, and the positive ones counted.

        Scores that cannot be among the wanted first of a user may be left out. Counted are those
        above 0 by the equality gap or more: shape (stop - start,).
        """


def products_for(matrices: ProductMatrices, threads: int, *, compiled: bool) -> Products:
    """G compiled by numba, which has to be installed, or by scipy."""
    if compiled:
        return CompiledProducts(matrices, threads)
    return SparseProducts(matrices)


def load_kernels() -> None:
    """Loads numba and the kernels of products and ranking, by computing one score; if it can.

    That takes half a second; the first time after an installation the kernels are compiled, which
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
        """Makes G."""
        self._matrices = matrices
        self._products = sparse.csr_array(matrices.unit_by_track @ matrices.by_user)
        by_user = matrices.by_user
        self._own = sparse.csr_array(
            (matrices.own, by_user.indices, by_user.indptr), shape=by_user.shape
        )

    def scores(self, start: int, stop: int) -> tuple[sparse.csr_array, Indexes]:
        """See Products."""
        matrices = self._matrices
        scores = sparse.csr_array(
            matrices.unit[start:stop] @ self._products - self._own[start:stop]
        )
        return scores, count_positive(scores)


# Parts of G that are made at once, for each thread: the rows of popular tracks take longest.
PARTS_PER_THREAD = 16


class CompiledProducts:
    """Products by compiled loops."""

    def __init__(self, matrices: ProductMatrices, threads: int) -> None:
        """Computes G on this many threads."""
        from ubcf.scoring.kernels.products import count_entries, fill_products

        self._matrices = matrices
        by_user, by_track = matrices.by_user, matrices.unit_by_track
        tracks = by_user.shape[1]
        listeners = by_track.indptr, by_track.indices, by_track.data
        heard = by_user.indptr, by_user.indices, by_user.data
        paths = np.concatenate([[0], np.cumsum(np.diff(by_user.indptr).take(by_track.indices))])
        work = paths.take(by_track.indptr)
        wanted = np.linspace(0, work[-1], threads * PARTS_PER_THREAD + 1)
        edges = np.unique(np.concatenate([[0], np.searchsorted(work, wanted), [tracks]]))
        parts = list(pairwise(edges))
        lengths = np.zeros(tracks, dtype=np.int64)
        with ThreadPoolExecutor(threads) as pool:
            do_all(
                pool, lambda part: count_entries(*part, tracks, listeners, heard, lengths), parts
            )
            self._starts = np.concatenate([[0], np.cumsum(lengths)])
            narrow = tracks <= np.iinfo(np.uint16).max + 1
            self._columns = np.empty(self._starts[-1], dtype=np.uint16 if narrow else np.uint32)
            self._values = np.empty(self._starts[-1])
            products = self._starts, self._columns, self._values
            do_all(
                pool, lambda part: fill_products(*part, tracks, listeners, heard, products), parts
            )

    def scores(self, start: int, stop: int) -> tuple[sparse.csr_array, Indexes]:
        """See Products."""
        from ubcf.scoring.kernels.products import score_rows
        from ubcf.scoring.kernels.selection import LANES_PER_WANTED

        by_user, wanted = self._matrices.by_user, self._matrices.wanted[start:stop]
        starts, columns, values, positive = score_rows(
            (start, stop),
            by_user.shape[1],
            (by_user.indptr, by_user.indices, self._matrices.unit.data),
            (self._starts, self._columns, self._values),
            start,
            (by_user.indptr, by_user.indices, self._matrices.own),
            wanted,
            LANES_PER_WANTED * int(wanted.max()),
        )
        shape = (stop - start, by_user.shape[1])
        return sparse.csr_array((values, columns, starts), shape=shape), positive


def scores_from_weights(
    weights: sparse.csr_array,
    interactions: sparse.csr_array,
    start: int,
    own: FloatArray,
    wanted: Indexes,
) -> tuple[sparse.csr_array, Indexes]:
    """Scores, and how many are positive, of consecutive users from `start` on, as Products tells.

    weights: how much all users count for them, users of the block x all users. own: what is taken
    off for each user's own interactions, entry by entry. wanted: how many tracks each wants ranked.
    """
    from ubcf.scoring.kernels.products import score_rows
    from ubcf.scoring.kernels.selection import LANES_PER_WANTED

    starts, columns, values, positive = score_rows(
        (0, weights.shape[0]),
        interactions.shape[1],
        (weights.indptr, weights.indices, weights.data),
        (interactions.indptr, interactions.indices, interactions.data),
        start,
        (interactions.indptr, interactions.indices, own),
        wanted,
        LANES_PER_WANTED * int(wanted.max()),
    )
    shape = (weights.shape[0], interactions.shape[1])
    return sparse.csr_array((values, columns, starts), shape=shape), positive


def by_products(
    job: ScoringJob,
    pool: ThreadPoolExecutor,
    advance: Callable[[float], None],
    *,
    neighbors: bool,
) -> Iterator[UserBlock]:
    """Yields the results of all users in blocks of ascending users.

    neighbors: compute the similarities and the neighbors too. advance: called with the share of
    the work (all: 1) done since the last call.
    """
    matrices = ProductMatrices(
        job.matrices.interactions,
        job.matrices.unit,
        job.matrices.unit_by_track,
        job.self_terms_of_products,
        job.tracks_to_rank,
    )
    products = products_for(matrices, job.threads, compiled=job.compiled)

    def work(block: tuple[int, int]) -> UserBlock:
        start, stop = block
        scores, positive = products.scores(start, stop)
        lists = recommended(job, scores, np.arange(start, stop))
        found = block_without_neighbors(job, start, positive, lists)
        return with_neighbors(job, found) if neighbors else found

    for block in in_turn(pool, work, job.blocks(job.costs), job.jobs_at_once):
        advance((block.stop - block.start) / job.users)
        yield block
