"""Which users count for a user, and how much: the options of the neighborhood.

Without options all users do, by their cosine (similarity.py). Every option changes the rows of
similarities a little; the scores are these rows times the interactions, as ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import (
    FloatArray,
    IntArray,
    interaction_matrix,
    row_norms,
    unit_rows,
    with_zeros,
)
from ubcf.scoring.ranking import Indexes, top_positive
from ubcf.scoring.similarity import similarity_block, without_self


@dataclass(frozen=True)
class Neighborhood:
    """What makes a user count.

    neighbors: only so many users with the greatest weights above 0 do, the smaller index first
    among equals; None: all. shrinkage: a similarity from n tracks in common is multiplied by
    n / (n + shrinkage). min_similarity: the least weight, after that. min_common: the least number
    of tracks in common. overlap: the cosine over the common tracks alone, instead of all.
    """

    neighbors: int | None = None
    shrinkage: float = 0.0
    min_similarity: float | None = None
    min_common: int = 0
    overlap: bool = False

    @property
    def takes_all(self) -> bool:
        """Whether all users count, by their cosine as it is."""
        return self == Neighborhood()

    @property
    def counts_common(self) -> bool:
        """Whether weights depend on the number of tracks in common."""
        return self.shrinkage > 0 or self.min_common > 1


# A matrix users x tracks, and its transpose.
SidesOfProduct = tuple[sparse.csr_array, sparse.csr_array]


class UserMatrices:
    """R and what similarities are made of, all users x tracks; each is made when first needed.

    interactions: R. heard: entries, none of them 0, at the tracks that a user has heard, also where
    R is 0; None: those where R is not 0.
    """

    def __init__(
        self, interactions: sparse.csr_array, heard: sparse.csr_array | None = None
    ) -> None:
        self.interactions = interactions
        self.pattern = interactions if heard is None else heard
        self.norms = row_norms(interactions)
        self.unit = unit_rows(interactions, self.norms)

    @classmethod
    def of(
        cls,
        user_index: IntArray,
        track_index: IntArray,
        counted_time: FloatArray,
        shape: tuple[int, int],
    ) -> UserMatrices:
        """From arrays with one entry per user and track heard, also where R is 0."""
        ones = np.ones(len(counted_time), dtype=np.int8)
        heard = sparse.csr_array((ones, (user_index, track_index)), shape=shape)
        return cls(interaction_matrix(user_index, track_index, counted_time, shape), heard)

    @cached_property
    def unit_by_track(self) -> sparse.csr_array:
        """X transposed, tracks x users."""
        return sparse.csr_array(self.unit.T.tocsr())

    @cached_property
    def by_track(self) -> sparse.csr_array:
        """R transposed, tracks x users."""
        return sparse.csr_array(self.interactions.T.tocsr())

    @cached_property
    def unit_where_heard(self) -> SidesOfProduct:
        """X and X transposed, with an entry, which may be 0, wherever a track was heard."""
        own = with_zeros(self.unit, self.pattern)
        return own, self.unit_by_track if own is self.unit else sparse.csr_array(own.T.tocsr())

    @cached_property
    def times_where_heard(self) -> SidesOfProduct:
        """R and R transposed, with an entry, which may be 0, wherever a track was heard."""
        own = with_zeros(self.interactions, self.pattern)
        return own, self.by_track if own is self.interactions else sparse.csr_array(own.T.tocsr())

    @cached_property
    def heard(self) -> sparse.csr_array:
        """Ones at what was heard, users x tracks."""
        ones = np.ones(self.pattern.nnz)
        return sparse.csr_array(
            (ones, self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape
        )

    @cached_property
    def heard_by_track(self) -> sparse.csr_array:
        """What was heard, tracks x users."""
        return sparse.csr_array(self.heard.T.tocsr())

    @cached_property
    def squares(self) -> sparse.csr_array:
        """The squares of R."""
        return sparse.csr_array(self.interactions.power(2))

    @cached_property
    def squares_by_track(self) -> sparse.csr_array:
        """The squares of R transposed, tracks x users."""
        return sparse.csr_array(self.by_track.power(2))


def weights(
    matrices: UserMatrices, neighborhood: Neighborhood, users: Indexes, *, compiled: bool = False
) -> sparse.csr_array:
    """How much all users count for some: len(users) x all users, without stored zeros.

    compiled: numba, which has to be installed, may do the work.
    """
    if compiled:
        from ubcf.scoring.kernels.similarity import near_block

        block, _ = near_block(matrices, neighborhood, users)
        return block
    if neighborhood.overlap:
        block = overlap_similarity_block(matrices, users)
    else:
        block = similarity_block(matrices.unit, matrices.unit_by_track, users)
    if neighborhood.counts_common:
        common = sparse.csr_array(matrices.heard[users] @ matrices.heard_by_track)
        shrunk = common.data / (common.data + neighborhood.shrinkage)
        common.data = np.where(common.data >= neighborhood.min_common, shrunk, 0.0)
        block = sparse.csr_array(block.multiply(common))
    if neighborhood.min_similarity is not None:
        block.data[block.data < neighborhood.min_similarity] = 0.0
    block.eliminate_zeros()
    return block if neighborhood.neighbors is None else _nearest(block, neighborhood.neighbors)


def _nearest(block: sparse.csr_array, count: int) -> sparse.csr_array:
    """The `count` greatest weights above 0 of each row, the smaller index first among equals."""
    nearest = top_positive(block, count)
    return sparse.csr_array((nearest.values, (nearest.rows, nearest.columns)), shape=block.shape)


def overlap_similarity_block(matrices: UserMatrices, users: Indexes) -> sparse.csr_array:
    """Cosines over the tracks in common of some users with all users, self left out.

    w(u, v) = sum of h(u, t) h(v, t) / sqrt(sum of h(u, t)^2 * sum of h(v, t)^2), all over the
    tracks that both have heard (Herlocker et al., 1999). Returns len(users) x all users, without
    stored zeros; magnitudes under 1e-12 are zeros.
    """
    products = matrices.interactions[users] @ matrices.by_track
    own = matrices.squares[users] @ matrices.heard_by_track
    lengths = own.multiply(matrices.heard[users] @ matrices.squares_by_track)
    lengths.eliminate_zeros()
    lengths.data = 1 / np.sqrt(lengths.data)
    return without_self(sparse.csr_array(products.multiply(lengths)), users)
