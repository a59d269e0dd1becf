"""Scores from the tracks' side, with all products of tracks at hand: X G - D R with G = X' R.

The same scores as similarity times interactions (scoring.py), by the associative law:
S R = (X X' - D) R = X (X' R) - D R, where D is 1 for users with a non-zero row (their similarity to
themselves, which must not count). G, tracks x tracks, is sparse and held whole; where it is too
large or too full for that, tiles.py takes it in pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import FloatArray
from ubcf.scoring.ranking import Indexes, count_positive, top_scores


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
        from ubcf.scoring.kernels.products import CompiledProducts

        return CompiledProducts(matrices, threads)
    return SparseProducts(matrices)


def load_compiled() -> None:
    """Loads the compiled loops (which takes about half a second), by means of one score.

    The very first time, they are compiled, which takes some seconds.
    """
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
