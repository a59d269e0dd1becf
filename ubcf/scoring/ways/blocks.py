"""Scores and top lists of all users, a block of users at a time, on several threads.

Nothing users x users or users x tracks is ever held whole. A row is computed alike in every block,
so neither the sizes of the blocks nor the number of threads changes a result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.scoring.matrices import FloatArray, has_entries
from ubcf.scoring.neighborhood import Neighborhood, UserMatrices, weights
from ubcf.scoring.parallel import in_turn
from ubcf.scoring.planner import LEFT, RIGHT, Plan, UserPaths
from ubcf.scoring.ranking import (
    Indexes,
    TopLists,
    count_positive,
    merged,
    top_placed,
    top_positive,
    top_scores,
)
from ubcf.scoring.similarity import NeighborCounts, count_common, count_neighbors
from ubcf.scoring.ways.products import ProductMatrices, products_for
from ubcf.scoring.ways.tiles import Candidates, TiledMatrices, find_candidates, tiles_for

# An entry of a similarity or score row costs about this much while its block is worked on: value
# and index in the product, and the copies that ranking makes of both. Measured, rounded up.
BYTES_PER_ENTRY = 120

# Compiled loops keep at most about so many entries for each neighbor or track that is wanted.
KEPT_PER_WANTED = 4

# Blocks are no larger than this, so that there are enough for all threads and to show progress.
# Larger ones are slower as well: their arrays do not stay in the processor cache.
MOST_USERS_PER_BLOCK = 512

ALL_USERS = Neighborhood()

# What stands for a count that was not made.
NOT_COUNTED = -1


@dataclass(frozen=True)
class UserBlock:
    """The results for the users start..stop-1; one row or entry per user of the block.

    norms: the lengths of their rows of R. positive_scores: how many tracks have a score above 0 (by
    more than the equality gap). Counts are NOT_COUNTED where the way of computing does not give
    them. common_tracks: the tracks that both have heard, for each entry of the neighbors. heard:
    whether the user has heard the track, for each entry of the recommendations.
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


@dataclass(frozen=True)
class ListsWanted:
    """What the lists shall hold: how many recommendations and neighbors a user gets.

    excluded: users x tracks; stored entries are never recommended. only_positive: leave out tracks
    whose score is not above 0.
    """

    recommendations: int
    neighbors: int
    excluded: sparse.csr_array | None = None
    only_positive: bool = False

    def tracks_to_rank(self, users: int) -> Indexes:
        """How long the ranking of each user must be, excluded tracks included: shape (users,)."""
        excluded = 0 if self.excluded is None else np.diff(self.excluded.indptr)
        return np.full(users, self.recommendations, dtype=np.int64) + excluded

    def recommended(
        self, scores: sparse.csr_array, users: Indexes, *, compiled: bool = False
    ) -> TopLists:
        """The recommendations of some users from their scores, len(users) x tracks.

        compiled: numba, which has to be installed, may do the work.
        """
        return top_scores(
            scores,
            self.recommendations,
            excluded=None if self.excluded is None else self.excluded[users],
            only_positive=self.only_positive,
            compiled=compiled,
        )


def score_users(
    matrices: UserMatrices,
    wanted: ListsWanted,
    plan: Plan | None = None,
    *,
    neighborhood: Neighborhood = ALL_USERS,
    self_weight: float = 0.0,
    threads: int = 1,
    memory: int = 1 << 30,
    most_users: int = MOST_USERS_PER_BLOCK,
    advance: Callable[[float], None] = lambda _share: None,
) -> Iterator[UserBlock]:
    """The neighbors and the recommendations of all users, in blocks of ascending users.

    matrices: of R, users x tracks, tracks in ascending order of preference among equal scores.
    plan: how to compute; None computes similarities first, and neighbors. A neighborhood that does
    not take all users needs that. self_weight: how much the user's own interactions count.
    memory: bytes that the blocks in work may take together; at least one user is in work a thread.
    advance: is told the share of the work (1: all) done since the last call.
    """
    compiled = plan is not None and plan.compiled
    scorer = _Scorer(
        matrices, neighborhood, self_weight, wanted, threads, memory, most_users, compiled
    )
    with ThreadPoolExecutor(threads) as pool:
        if plan is None or plan.way == LEFT:
            yield from scorer.by_similarity(pool, advance)
        elif plan.way == RIGHT:
            yield from scorer.by_products(pool, advance, plan)
        else:
            yield from scorer.by_tiles(pool, advance, plan)


class _Scorer:
    """The matrices that the ways of computing share."""

    def __init__(
        self,
        matrices: UserMatrices,
        neighborhood: Neighborhood,
        self_weight: float,
        wanted: ListsWanted,
        threads: int,
        memory: int,
        most_users: int,
        compiled: bool,
    ) -> None:
        self.matrices = matrices
        self.neighborhood = neighborhood
        self.self_weight = self_weight
        self.wanted = wanted
        self.threads = threads
        self.most_users = most_users
        self.compiled = compiled
        self.users, self.tracks = matrices.interactions.shape
        # One block a thread is in work, one a thread may wait to be taken.
        self.entries = memory / BYTES_PER_ENTRY / (2 * threads)
        self.costs = user_costs(matrices.interactions) + wanted.recommendations

    def by_similarity(
        self, pool: ThreadPoolExecutor, advance: Callable[[float], None]
    ) -> Iterator[UserBlock]:
        """Scores as similarity times interactions; neighbors and all counts on the way."""

        def work(block: tuple[int, int]) -> UserBlock:
            start, stop = block
            users = np.arange(start, stop)
            if self.compiled:
                similarity, neighbors = self._compiled_neighbors(users)
                scores, positive = self._compiled_scores(similarity, start)
            else:
                similarity = self._weights(users)
                neighbors = top_positive(similarity, self.wanted.neighbors)
                scores = self._scores(similarity, users)
                positive = count_positive(scores)
            recommendations = self._recommended(scores, users)
            return UserBlock(
                start,
                stop,
                self.matrices.norms[start:stop],
                count_neighbors(similarity),
                positive,
                neighbors,
                self._common_tracks(start, neighbors),
                recommendations,
                self._heard(start, recommendations),
            )

        costs = self.costs
        if self.compiled and self.neighborhood.neighbors is not None:
            # Of the rows little more is kept than what is wanted of them.
            kept = self.neighborhood.neighbors + self.wanted.tracks_to_rank(self.users)
            costs = np.minimum(KEPT_PER_WANTED * kept, costs)
        blocks = user_blocks(costs, self.entries, self.most_users)
        for block in in_turn(pool, work, blocks, 2 * self.threads):
            advance((block.stop - block.start) / self.users)
            yield block

    def by_products(
        self, pool: ThreadPoolExecutor, advance: Callable[[float], None], plan: Plan
    ) -> Iterator[UserBlock]:
        """Scores from G held whole; neighbors by similarity."""
        matrices = ProductMatrices(
            self.matrices.interactions,
            self.matrices.unit,
            self.matrices.unit_by_track,
            self._own_times(),
            self.wanted.tracks_to_rank(self.users),
        )
        products = products_for(matrices, self.threads, compiled=self.compiled)

        def work(block: tuple[int, int]) -> UserBlock:
            start, stop = block
            scores, positive = products.scores(start, stop)
            lists = self._recommended(scores, np.arange(start, stop))
            found = self._without_neighbors(start, positive, lists)
            return self._with_neighbors(found) if plan.neighbors else found

        blocks = user_blocks(self.costs, self.entries, self.most_users)
        for block in in_turn(pool, work, blocks, 2 * self.threads):
            advance((block.stop - block.start) / self.users)
            yield block

    def by_tiles(
        self, pool: ThreadPoolExecutor, advance: Callable[[float], None], plan: Plan
    ) -> Iterator[UserBlock]:
        """Scores from tiles of G; what they do not decide, and neighbors, by similarity."""
        matrices = TiledMatrices.of(
            self.matrices.interactions, self.matrices.unit, self._own_times()
        )
        tiles = tiles_for(matrices, plan.tile_width, compiled=self.compiled)
        wanted = self.wanted.tracks_to_rank(self.users)
        for first in range(0, self.users, plan.users_at_once):
            part = range(first, min(first + plan.users_at_once, self.users))
            share = len(part) / self.users
            found = find_candidates(
                tiles,
                wanted,
                part,
                self.tracks,
                pool=pool,
                advance=lambda done, share=share: advance(done * share),  # type: ignore[misc]
            )
            yield from in_turn(pool, partial(self._ranked, plan=plan), found, 2 * self.threads)

    def _ranked(self, candidates: Candidates, plan: Plan) -> UserBlock:
        """The lists of a block: of candidates where they decide, of all scores elsewhere."""
        users = np.arange(candidates.first, candidates.stop)
        scores, decided = candidates.finished(self.tracks)
        positive_scores = np.full(len(users), NOT_COUNTED, dtype=np.int64)
        parts = [(decided, self._recommended(scores[decided], users.take(decided)))]
        others = np.setdiff1d(np.arange(len(users)), decided)
        for start, stop in user_blocks(
            self.costs.take(users.take(others)), self.entries, self.most_users
        ):
            rows = others[start:stop]
            whole_scores = self._scores(self._weights(users.take(rows)), users.take(rows))
            positive_scores[rows] = count_positive(whole_scores)
            parts.append((rows, self._recommended(whole_scores, users.take(rows))))
        found = self._without_neighbors(
            candidates.first, positive_scores, merged(len(users), parts)
        )
        return self._with_neighbors(found) if plan.neighbors else found

    def _without_neighbors(
        self, start: int, positive_scores: Indexes, recommendations: TopLists
    ) -> UserBlock:
        """The results for the users from `start` on when their similarities are not known."""
        users = len(positive_scores)
        not_counted = np.full(users, NOT_COUNTED, dtype=np.int64)
        return UserBlock(
            start,
            start + users,
            self.matrices.norms[start : start + users],
            NeighborCounts(not_counted, not_counted),
            positive_scores,
            TopLists.empty(users),
            np.empty(0, dtype=np.int64),
            recommendations,
            self._heard(start, recommendations),
        )

    def _with_neighbors(self, block: UserBlock) -> UserBlock:
        """The same with the neighbors and their counts."""
        parts = []
        counts = []
        for start, stop in user_blocks(
            self.costs[block.start : block.stop], self.entries, self.most_users
        ):
            users = np.arange(block.start + start, block.start + stop)
            similarity = self._weights(users)
            counts.append(count_neighbors(similarity))
            parts.append((np.arange(start, stop), top_positive(similarity, self.wanted.neighbors)))
        neighbors = merged(block.stop - block.start, parts)
        return replace(
            block,
            counts=NeighborCounts(
                np.concatenate([each.positive for each in counts]),
                np.concatenate([each.negative for each in counts]),
            ),
            neighbors=neighbors,
            common_tracks=self._common_tracks(block.start, neighbors),
        )

    def _weights(self, users: Indexes) -> sparse.csr_array:
        """How much all users count for some."""
        return weights(self.matrices, self.neighborhood, users)

    def _scores(self, similarity: sparse.csr_array, users: Indexes) -> sparse.csr_array:
        """The scores of some users."""
        return score_block(similarity, self.matrices.interactions, users, self.self_weight)

    def _recommended(self, scores: sparse.csr_array, users: Indexes) -> TopLists:
        """The recommendations of some users."""
        return self.wanted.recommended(scores, users, compiled=self.compiled)

    def _compiled_neighbors(self, users: Indexes) -> tuple[sparse.csr_array, TopLists]:
        """How much all users count for some, and the neighbors."""
        from ubcf.scoring.kernels.similarity import near_block

        similarity, places = near_block(self.matrices, self.neighborhood, users)
        if self.neighborhood.neighbors is None:
            return similarity, top_positive(similarity, self.wanted.neighbors)
        return similarity, top_placed(similarity, places, self.wanted.neighbors)

    def _compiled_scores(
        self, similarity: sparse.csr_array, start: int
    ) -> tuple[sparse.csr_array, Indexes]:
        """What ranking needs of the scores of the users from `start` on, the positive counted."""
        from ubcf.scoring.kernels.products import scores_by_weights

        wanted = self.wanted.tracks_to_rank(self.users)[start : start + similarity.shape[0]]
        interactions = self.matrices.interactions
        return scores_by_weights(similarity, interactions, start, self._own_weighed, wanted)

    @cached_property
    def _own_weighed(self) -> FloatArray:
        """What W R has too much: less than nothing where the users' own part counts."""
        own: FloatArray = -self.self_weight * self.matrices.interactions.data
        return own

    def _own_times(self) -> FloatArray:
        """What X G has too much: the users' own part, entry by entry of R."""
        own: FloatArray = (1.0 - self.self_weight) * self.matrices.interactions.data
        return own

    def _common_tracks(self, first: int, neighbors: TopLists) -> Indexes:
        """What each user, from `first` on, and each of its neighbors have both heard."""
        return count_common(
            self.matrices.pattern,
            first + neighbors.rows,
            neighbors.columns,
            compiled=self.compiled,
        )

    def _heard(self, first: int, recommendations: TopLists) -> NDArray[np.bool_]:
        """Whether each user, from `first` on, has heard what is recommended."""
        rows, columns = first + recommendations.rows, recommendations.columns
        return has_entries(self.matrices.pattern, rows, columns)


def score_block(
    similarity: sparse.csr_array, interactions: sparse.csr_array, users: Indexes, self_weight: float
) -> sparse.csr_array:
    """score(u, t) = sum over v of w(u, v) * h(v, t) for the users of a similarity block.

    `similarity` is block x users, `interactions` is R (users x tracks); returns block x tracks.
    self_weight: what stands for w(u, u).
    """
    scores = similarity @ interactions
    if self_weight:
        scores = scores + self_weight * interactions[users]
    return sparse.csr_array(scores)


def user_costs(interactions: sparse.csr_array) -> FloatArray:
    """An upper bound of the entries of each user's similarity and score rows: shape (users,).

    A user's similarity row has at most one entry per listener of each of its tracks, its score row
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
