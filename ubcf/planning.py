"""The planner: what each way to compute the scores would cost, and which one to take.

Everything is estimated from counts: the tracks of each user and the listeners of each track. The
seconds an operation takes were measured on one core (tests/benchmarks/plans.py measures them
again); what matters is their ratios.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import sparse

from ubcf.matrices import FloatArray
from ubcf.tiles import CANDIDATE_BYTES, TILE_BYTES, TILE_WIDTH, USERS_PER_BLOCK

# The ways: similarity between users first, S R; or tiles of G between tracks, X G - D R.
LEFT, TILES = "left", "tiles"

# Seconds on one core.
SECONDS_PER_SIMILARITY_PRODUCT = 13e-9
SECONDS_PER_SIMILARITY = 20e-9
SECONDS_PER_SCORE_PRODUCT = 2.2e-9
SECONDS_PER_SCORE = 30e-9
# A neighbor that is kept: its row in the database, and comparing the tracks of both.
SECONDS_PER_NEIGHBOR = 0.3e-6
SECONDS_PER_TRACK_OF_NEIGHBOR = 15e-9
# By whether the tiles are compiled.
SECONDS_PER_GRAM_PRODUCT = {False: 28e-9, True: 15e-9}
SECONDS_PER_TILE_CELL = {False: 4e-9, True: 3e-9}
SECONDS_PER_TILE_PRODUCT = {False: 0.5e-9, True: 0.3e-9}
SECONDS_PER_TILED_SCORE = {False: 1.5e-9, True: 0.5e-9}
SECONDS_PER_CANDIDATE_PRODUCT = {False: 25e-9, True: 8e-9}
SECONDS_PER_CANDIDATE = 250e-9
SECONDS_TO_LOAD_COMPILED = 3.0  # importing numba and the compiled loops, wall time

# Neighbors are computed beside tiles when that takes at most this share of the scores' time.
PROPORTION = 1 / 3

# Neighbors that a user keeps, for the estimate.
NEIGHBORS_KEPT = 50

# Scores that a tile finds and ranks for each that is wanted.
CANDIDATES_PER_WANTED = 1.6

# Bytes for each interaction: R, X and X' with shared indexes, and which tracks were heard; with
# tiles, R' and X in single precision too; and what making them takes for a moment.
LEFT_BYTES, TILES_BYTES = 65, 81

# The blocks in work need this much at least.
LEAST_BLOCK_BYTES = 64 * 2**20

NARROWEST_TILE = 64

Count = TypeVar("Count", float, FloatArray)


class TooLittleMemoryError(ValueError):
    """The memory is too small for the matrices; `needed` bytes would do."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"the matrices need {needed:,} bytes")
        self.needed = needed


@dataclass(frozen=True)
class UserPaths:
    """How many paths lead from each user to others, and on to tracks: shape (users,).

    to_users: over a track to one of its listeners; to_tracks: from there on to one of the
    listener's tracks. similarities, scores: the different users and tracks at their ends, at most,
    so upper bounds of the entries of each user's similarity and score rows.
    """

    to_users: FloatArray
    to_tracks: FloatArray
    similarities: FloatArray
    scores: FloatArray

    @classmethod
    def of(cls, interactions: sparse.csr_array) -> UserPaths:
        """Counts the paths in R, users x tracks."""
        users, tracks = interactions.shape
        user_tracks = np.diff(interactions.indptr).astype(np.float64)
        pattern = sparse.csr_array(
            (np.ones_like(interactions.data), interactions.indices, interactions.indptr),
            shape=interactions.shape,
        )
        to_users = pattern @ (pattern.T @ np.ones(users))
        to_tracks = pattern @ (pattern.T @ user_tracks)
        return cls(to_users, to_tracks, np.minimum(to_users, users), np.minimum(to_tracks, tracks))


@dataclass(frozen=True)
class Work:
    """How many operations the scores of all users take, each way.

    A product is one multiplication and addition. similarities, scores: stored entries, at most.
    undecided_seconds: what the lists that tiles do not decide take on one core.
    """

    users: int
    tracks: int
    interactions: int
    similarity_products: float
    similarities: float
    score_products: float
    scores: float
    gram_products: float
    tile_products: float
    candidate_products: float
    candidates: float
    undecided_seconds: float

    @classmethod
    def of(cls, interactions: sparse.csr_array, wanted: int) -> Work:
        """Counts the work for R, users x tracks, when a user wants so many tracks."""
        users, tracks = interactions.shape
        user_tracks = np.diff(interactions.indptr).astype(np.float64)
        paths = UserPaths.of(interactions)
        # Two users may share several tracks: their product with a row of R is made once.
        once = np.divide(
            paths.similarities, paths.to_users, out=np.ones(users), where=paths.to_users > 0
        )
        score_products = paths.to_tracks * once
        listed = CANDIDATES_PER_WANTED * min(wanted, tracks)
        seconds = _left_seconds(paths.to_users, paths.similarities, score_products, paths.scores)
        return cls(
            users,
            tracks,
            interactions.nnz,
            float(paths.to_users.sum()),
            float(paths.similarities.sum()),
            float(score_products.sum()),
            float(paths.scores.sum()),
            float((user_tracks**2).sum()),
            float(user_tracks.sum()) * tracks,
            float(user_tracks.sum()) * listed,
            users * listed,
            # About half of the scores are positive: with fewer, tiles do not decide a list.
            float(seconds[paths.scores < 2 * wanted].sum()),
        )


@dataclass(frozen=True)
class Estimate:
    """What a way takes: wall seconds, and bytes of memory at least."""

    seconds: float
    bytes: int


@dataclass(frozen=True)
class Plan:
    """How to compute the scores, and why.

    way: LEFT or TILES. compiled: tiles by numba. neighbors: the similarities between users are
    computed too. tile_width, users_at_once: sizes within the memory. block_bytes: what is left for
    the blocks in work. estimates: by way, and 'neighbors' for the similarities alone.
    """

    way: str
    compiled: bool
    neighbors: bool
    tile_width: int
    users_at_once: int
    block_bytes: int
    estimates: dict[str, Estimate]
    reason: str


def has_numba() -> bool:
    """Whether the extra `ubcf[fast]` is installed."""
    return importlib.util.find_spec("numba") is not None


def plan_scores(
    work: Work,
    *,
    wanted: int,
    threads: int,
    memory: int,
    way: str | None = None,
    neighbors: bool | None = None,
    numba: bool | None = None,
) -> Plan:
    """The cheapest way within the memory, in bytes.

    way: LEFT or TILES insists. neighbors: whether to compute the similarities in any case (None: if
    they are in proportion). numba: whether compiled tiles may be used (None: if it is installed).
    Raises TooLittleMemoryError when no way fits.
    """
    left_seconds = estimated_seconds(work, LEFT, compiled=False, threads=threads)
    by_scipy = estimated_seconds(work, TILES, compiled=False, threads=threads)
    kept = min(NEIGHBORS_KEPT * work.users, work.similarities)
    tracks_of_neighbors = kept * work.interactions / work.users
    neighbors_seconds = (
        _neighbors_seconds(work.similarity_products, work.similarities)
        + SECONDS_PER_NEIGHBOR * kept
        + SECONDS_PER_TRACK_OF_NEIGHBOR * tracks_of_neighbors
    ) / threads
    # A property of the logs alone: not of the threads, the memory, or what is installed.
    in_proportion = neighbors_seconds <= PROPORTION * min(left_seconds, by_scipy)
    by_numba = estimated_seconds(work, TILES, compiled=True, threads=threads)
    compiled = by_numba < by_scipy and (has_numba() if numba is None else numba)
    estimates = {
        LEFT: Estimate(left_seconds, _least_bytes(work, wanted, LEFT)),
        TILES: Estimate(by_numba if compiled else by_scipy, _least_bytes(work, wanted, TILES)),
        "neighbors": Estimate(neighbors_seconds, 0),
    }
    possible = [each for each in (LEFT, TILES) if way in (None, each)]
    fitting = [each for each in possible if estimates[each].bytes <= memory]
    if not fitting:
        raise TooLittleMemoryError(min(estimates[each].bytes for each in possible))
    chosen = min(fitting, key=lambda each: estimates[each].seconds)
    reason = _reason(chosen, fitting, possible, estimates, compiled)

    left_over = memory - estimates[chosen].bytes
    per_column = TILE_BYTES * work.tracks
    width = int(min(TILE_WIDTH, NARROWEST_TILE + left_over // 2 // per_column, work.tracks))
    width = max(width - width % NARROWEST_TILE, min(NARROWEST_TILE, work.tracks))
    if chosen == TILES:
        left_over -= max(width - NARROWEST_TILE, 0) * per_column
    per_block = USERS_PER_BLOCK * wanted * CANDIDATE_BYTES
    blocks = 1 + left_over // 2 // per_block
    users_at_once = int(min(blocks * USERS_PER_BLOCK, work.users))
    if chosen == TILES:
        left_over //= 2
    return Plan(
        way=chosen,
        compiled=chosen == TILES and compiled,
        neighbors=chosen == LEFT or (in_proportion if neighbors is None else neighbors),
        tile_width=width,
        users_at_once=users_at_once,
        block_bytes=int(LEAST_BLOCK_BYTES + left_over),
        estimates=estimates,
        reason=reason,
    )


def estimated_seconds(work: Work, way: str, *, compiled: bool, threads: int) -> float:
    """Wall seconds of a way, loading what is compiled included."""
    if way == LEFT:
        left = _left_seconds(
            work.similarity_products, work.similarities, work.score_products, work.scores
        )
        return left / threads
    load = SECONDS_TO_LOAD_COMPILED if compiled else 0.0
    return _tiles_seconds(work, compiled=compiled) / threads + load


def _neighbors_seconds(products: Count, similarities: Count) -> Count:
    """Similarities between users, one core: of all of them together, or of each."""
    return SECONDS_PER_SIMILARITY_PRODUCT * products + SECONDS_PER_SIMILARITY * similarities


def _left_seconds(
    similarity_products: Count, similarities: Count, score_products: Count, scores: Count
) -> Count:
    """Similarities, and their products with the interactions, one core."""
    return (
        _neighbors_seconds(similarity_products, similarities)
        + SECONDS_PER_SCORE_PRODUCT * score_products
        + SECONDS_PER_SCORE * scores
    )


def _tiles_seconds(work: Work, *, compiled: bool) -> float:
    """Tiles, their products with all users, and what they leave undecided, one core."""
    return (
        SECONDS_PER_GRAM_PRODUCT[compiled] * work.gram_products
        + SECONDS_PER_TILE_CELL[compiled] * work.tracks**2
        + SECONDS_PER_TILE_PRODUCT[compiled] * work.tile_products
        + SECONDS_PER_TILED_SCORE[compiled] * work.users * work.tracks
        + SECONDS_PER_CANDIDATE_PRODUCT[compiled] * work.candidate_products
        + SECONDS_PER_CANDIDATE * work.candidates
        + work.undecided_seconds
    )


def _least_bytes(work: Work, wanted: int, way: str) -> int:
    """The least memory for a way: its matrices, the smallest tile and blocks."""
    if way == LEFT:
        return LEFT_BYTES * work.interactions + LEAST_BLOCK_BYTES
    return (
        TILES_BYTES * work.interactions
        + TILE_BYTES * work.tracks * min(NARROWEST_TILE, work.tracks)
        + CANDIDATE_BYTES * wanted * min(USERS_PER_BLOCK, work.users)
        + LEAST_BLOCK_BYTES
    )


def _reason(
    chosen: str,
    fitting: list[str],
    possible: list[str],
    estimates: dict[str, Estimate],
    compiled: bool,
) -> str:
    other = TILES if chosen == LEFT else LEFT
    means = " (compiled)" if chosen == TILES and compiled else ""
    about = f"{chosen}{means}: about {_seconds(estimates[chosen])}"
    if other not in possible:
        return f"{about}, as was asked for"
    if other not in fitting:
        return f"{about}; {other} needs {estimates[other].bytes / 2**20:,.0f} MiB"
    return f"{about}; {other} would take {_seconds(estimates[other])}"


def _seconds(estimate: Estimate) -> str:
    digits = 0 if estimate.seconds >= 10 else 1 if estimate.seconds >= 1 else 2
    return f"{estimate.seconds:,.{digits}f} s"
