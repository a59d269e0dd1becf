"""The planner: what each way to compute the scores would cost, and which one to take.

Everything is estimated from counts: the tracks of each user and the listeners of each track. The
seconds an operation takes were measured on one core (tests/benchmarks/plans.py measures them
again); what matters is their ratios.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import FloatArray, IntArray, UserPaths, row_of_each_entry
from ubcf.scoring.options import BY_PRODUCTS, BY_SIMILARITIES, BY_TILES
from ubcf.scoring.ways.tiles import CANDIDATE_BYTES, TILE_BYTES, USERS_PER_BLOCK

# Seconds on one core.
SECONDS_PER_SIMILARITY_PRODUCT = 13e-9

SECONDS_PER_SIMILARITY = 20e-9

SECONDS_PER_SCORE_PRODUCT = 2.2e-9

SECONDS_PER_SCORE = 30e-9

# A neighbor that is kept: its row in the database, and comparing the tracks of both.
SECONDS_PER_NEIGHBOR = 0.3e-6

SECONDS_PER_TRACK_OF_NEIGHBOR = 15e-9

# By whether the loops are compiled; of G held whole, and of its products with users.
SECONDS_PER_PATH_OF_G = {False: 2e-9, True: 3e-9}

SECONDS_PER_ENTRY_OF_G = {False: 50e-9, True: 16e-9}

SECONDS_PER_RIGHT_PRODUCT = {False: 3.5e-9, True: 1e-9}

SECONDS_PER_RIGHT_SCORE = 28e-9

SECONDS_PER_RIGHT_CELL = 0.3e-9

# Of G tile by tile.
SECONDS_PER_GRAM_PRODUCT = {False: 28e-9, True: 8e-9}

SECONDS_PER_TILE_CELL = {False: 4e-9, True: 3e-9}

SECONDS_PER_TILE_PRODUCT = {False: 0.5e-9, True: 0.2e-9}

SECONDS_PER_TILED_SCORE = {False: 1.5e-9, True: 0.5e-9}

SECONDS_PER_CANDIDATE_PRODUCT = {False: 25e-9, True: 8e-9}

SECONDS_PER_CANDIDATE = 250e-9

# Of the nearest users, always compiled; by whether their similarities are of the overlap form.
SECONDS_PER_NEAR_PRODUCT = {False: 2e-9, True: 4e-9}

SECONDS_PER_NEAR_CELL = {False: 1e-9, True: 4e-9}

SECONDS_TO_LOAD_COMPILED = 0.6  # importing numba and the compiled loops, wall time

# Neighbors that a user keeps, for the estimate.
NEIGHBORS_KEPT = 50

# Scores that a tile finds and ranks for each that is wanted.
CANDIDATES_PER_WANTED = 1.6

# Bytes for each interaction: R, X and X' with shared indexes, and which tracks were heard; with
# tiles, R' and X in single precision too; and what making them takes for a moment.
LEFT_BYTES, TILES_BYTES = 65, 81

# Bytes for each entry of G that is held whole.
GRAM_ENTRY_BYTES = 12

# The entries of a row of G are estimated for this many numbers of paths, others in between.
PATH_COUNTS = 24

# The blocks in work need this much at least.
LEAST_BLOCK_BYTES = 64 * 2**20

NARROWEST_TILE = 64

Count = TypeVar("Count", float, FloatArray)


@dataclass(frozen=True)
class Work:
    """How many operations the scores of all users take, each way.

    A product is one multiplication and addition. similarities, scores: stored entries, at most.
    gram_entries: those of G, about.
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
    gram_entries: float
    right_products: float
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
        listeners = np.bincount(interactions.indices, minlength=tracks)
        paths_of_track = np.bincount(
            interactions.indices, user_tracks.take(row_of_each_entry(interactions)), tracks
        ).astype(np.float64)
        gram_entries = expected_entries(paths_of_track, listeners)
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
            float(gram_entries.sum()),
            float(gram_entries @ listeners),
            float(user_tracks.sum()) * tracks,
            float(user_tracks.sum()) * listed,
            users * listed,
            # About half of the scores are positive: with fewer, tiles do not decide a list.
            float(seconds[paths.scores < 2 * wanted].sum()),
        )


def expected_entries(paths: FloatArray, listeners: IntArray) -> FloatArray:
    """About how many different tracks so many paths end at, for each number of paths.

    listeners: of each track, shape (tracks,). Paths are taken to end at tracks independently, in
    proportion to their listeners: a track is missed by p of them with probability exp(-p share).
    """
    counts, tracks = np.unique(listeners, return_counts=True)
    shares = counts / max(listeners.sum(), 1)
    some = np.geomspace(1, max(float(paths.max(initial=1)), 1), PATH_COUNTS)
    entries = -np.expm1(-some[:, np.newaxis] * shares) @ tracks
    return np.where(paths > 0, np.interp(paths, some, entries), 0.0)


@dataclass(frozen=True)
class Estimate:
    """What a way takes: wall seconds, and bytes of memory at least."""

    seconds: float
    bytes: int


def estimated_seconds(work: Work, way: str, *, compiled: bool, threads: int) -> float:
    """Wall seconds of a way, loading what is compiled included."""
    if way == BY_SIMILARITIES:
        left = _left_seconds(
            work.similarity_products, work.similarities, work.score_products, work.scores
        )
        return left / threads
    load = SECONDS_TO_LOAD_COMPILED if compiled else 0.0
    if way == BY_TILES:
        return _tiles_seconds(work, compiled=compiled) / threads + load
    whole = (
        SECONDS_PER_PATH_OF_G[compiled] * work.gram_products
        + SECONDS_PER_ENTRY_OF_G[compiled] * work.gram_entries
    )
    if compiled:
        return (whole + _compiled_right_seconds(work)) / threads + load
    # scipy makes one product on one thread.
    return whole + _right_seconds(work) / threads


def nearest_seconds(work: Work, nearest: int, overlap: bool, threads: int) -> float:
    """Similarities of which only the nearest are kept, and the scores from them, compiled."""
    # As many paths as the nearest users have tracks.
    score_products = min(nearest, work.users) * work.interactions
    seconds = (
        SECONDS_PER_NEAR_PRODUCT[overlap] * work.similarity_products
        + SECONDS_PER_NEAR_CELL[overlap] * work.users**2
        + SECONDS_PER_RIGHT_PRODUCT[True] * score_products
        + SECONDS_PER_RIGHT_CELL * work.users * work.tracks
        + SECONDS_PER_CANDIDATE * work.candidates
    )
    return seconds / threads + SECONDS_TO_LOAD_COMPILED


def neighbors_seconds(work: Work, threads: int) -> float:
    """Similarities between users, and the neighbors that are kept of them."""
    kept = min(NEIGHBORS_KEPT * work.users, work.similarities)
    tracks_of_neighbors = kept * work.interactions / work.users
    return (
        _similarities_seconds(work.similarity_products, work.similarities)
        + SECONDS_PER_NEIGHBOR * kept
        + SECONDS_PER_TRACK_OF_NEIGHBOR * tracks_of_neighbors
    ) / threads


def _similarities_seconds(products: Count, similarities: Count) -> Count:
    """Similarities between users, one core: of all of them together, or of each."""
    return SECONDS_PER_SIMILARITY_PRODUCT * products + SECONDS_PER_SIMILARITY * similarities


def _left_seconds(
    similarity_products: Count, similarities: Count, score_products: Count, scores: Count
) -> Count:
    """Similarities, and their products with the interactions, one core."""
    return (
        _similarities_seconds(similarity_products, similarities)
        + SECONDS_PER_SCORE_PRODUCT * score_products
        + SECONDS_PER_SCORE * scores
    )


def _right_seconds(work: Work) -> float:
    """Products of G with all users, and their ranking, by scipy on one core."""
    return (
        SECONDS_PER_RIGHT_PRODUCT[False] * work.right_products
        + SECONDS_PER_RIGHT_SCORE * work.scores
    )


def _compiled_right_seconds(work: Work) -> float:
    """The same by compiled loops."""
    return (
        SECONDS_PER_RIGHT_PRODUCT[True] * work.right_products
        + SECONDS_PER_RIGHT_CELL * work.users * work.tracks
        + SECONDS_PER_CANDIDATE * work.candidates
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


def least_bytes(work: Work, wanted: int, way: str, *, compiled: bool) -> int:
    """The least memory for a way: its matrices, the smallest tile and blocks."""
    if way != BY_TILES:
        products = GRAM_ENTRY_BYTES * work.gram_entries if way == BY_PRODUCTS else 0.0
        return int(LEFT_BYTES * work.interactions + products + LEAST_BLOCK_BYTES)
    return (
        TILES_BYTES * work.interactions
        + TILE_BYTES[compiled] * work.tracks * min(NARROWEST_TILE, work.tracks)
        + CANDIDATE_BYTES * wanted * min(USERS_PER_BLOCK, work.users)
        + LEAST_BLOCK_BYTES
    )
