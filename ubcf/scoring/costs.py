"""The cost of each way to compute the scores, in seconds and in bytes.

Costs are estimated from counts: the tracks of each user and the listeners of each track. The
seconds of an operation were measured on one core; only their ratios matter for the choice of a way.
tests/benchmarks/plans.py compares the estimates with what the ways take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import sparse

from ubcf.scoring.inverse import inverse_bytes
from ubcf.scoring.matrices import FloatArray, IntArray, UserPaths, row_of_each_entry
from ubcf.scoring.options import BY_PRODUCTS, BY_SIMILARITIES, BY_TILES, Walk
from ubcf.scoring.ways.tiles import (
    CANDIDATE_BYTES,
    TILE_BYTES,
    TILE_BYTES_PER_TRACK,
    USERS_PER_BLOCK,
)

# Seconds of an operation on one core. A product is one multiplication and addition; a cell is an
# entry of a dense matrix, 0 or not; {False: ..., True: ...} is by scipy and by kernels.

# The way `similarities`: products and entries of X X', and of W R.
SECONDS_PER_SIMILARITY_PRODUCT = 13e-9

SECONDS_PER_SIMILARITY = 20e-9

SECONDS_PER_SCORE_PRODUCT = 2.2e-9

SECONDS_PER_SCORE = 30e-9

# A stored neighbor: its row in the database, and each of its tracks for the tracks in common.
SECONDS_PER_NEIGHBOR = 0.3e-6

SECONDS_PER_TRACK_OF_NEIGHBOR = 15e-9

# The nearest users by kernels; by whether similarities are of the overlap form.
NEAREST_SECONDS_PER_PRODUCT = {False: 1e-9, True: 3.5e-9}

NEAREST_SECONDS_PER_CELL = {False: 1e-9, True: 3e-9}

# The scores from them: cells, which are looked at for what can enter a list.
WEIGHTS_SECONDS_PER_CELL = 0.5e-9

# A walk: products with S, and users looked at, or by scipy reached, at the end of a step.
WALK_SECONDS_PER_PRODUCT = {False: 4e-9, True: 1e-9}

WALK_SECONDS_PER_USER = {False: 60e-9, True: 0.55e-9}

# A ridge: products and cells of R R'; products of the inverse, and rows of it that are swept one by
# one; products of its weights with R, and cells of weights and of scores.
RIDGE_SECONDS_PER_SIMILARITY_PRODUCT = 1.5e-9

RIDGE_SECONDS_PER_SIMILARITY = 12e-9

RIDGE_SECONDS_PER_INVERSE_PRODUCT = 0.045e-9

RIDGE_SECONDS_PER_INVERSE_ROW = 40e-6

RIDGE_SECONDS_PER_SCORE_PRODUCT = 0.35e-9

RIDGE_SECONDS_PER_CELL = 30e-9

# The way `products`: products and entries of G.
PRODUCTS_SECONDS_PER_GRAM_PRODUCT = {False: 2e-9, True: 3e-9}

PRODUCTS_SECONDS_PER_GRAM_ENTRY = {False: 50e-9, True: 16e-9}

# Products of G, or of W R by kernels, with users; scores by scipy, cells by kernels.
PRODUCTS_SECONDS_PER_PRODUCT = {False: 3.5e-9, True: 1e-9}

PRODUCTS_SECONDS_PER_SCORE = 28e-9

PRODUCTS_SECONDS_PER_CELL = 0.3e-9

# The way `tiles`: products and cells of G, products of tiles with users, cells of their scores, and
# the candidates among these, in double precision. Products that the kernels skip count as well.
TILES_SECONDS_PER_GRAM_PRODUCT = {False: 20e-9, True: 7e-9}

TILES_SECONDS_PER_GRAM_CELL = {False: 3e-9, True: 1e-9}

TILES_SECONDS_PER_PRODUCT = {False: 0.35e-9, True: 0.07e-9}

TILES_SECONDS_PER_CELL = {False: 1e-9, True: 1.2e-9}

TILES_SECONDS_PER_CANDIDATE_PRODUCT = {False: 18e-9, True: 6e-9}

# Ranking a score that a kernel or a tile has selected.
SECONDS_PER_CANDIDATE = 250e-9

# Wall time of importing numba and loading the kernels.
SECONDS_TO_LOAD_COMPILED = 0.5

# Stored neighbors of a user, for the estimate.
NEIGHBORS_KEPT = 50

# Scores that are selected and ranked, for each entry of a list.
CANDIDATES_PER_LIST_ENTRY = 1.6

# Bytes for each interaction: R, X and X' with shared indexes, the pattern of tracks heard, and
# working memory of computing them. Tiles also need R', and X once more in single precision.
SIMILARITIES_BYTES_PER_INTERACTION = PRODUCTS_BYTES_PER_INTERACTION = 65

TILES_BYTES_PER_INTERACTION = 89

# Bytes for each entry of S, and for each interaction of what only the presets with a walk need: its
# own term, and its value in similarities.
WALK_BYTES_PER_ENTRY = 12

WALK_BYTES_PER_INTERACTION = 24

# Bytes for each entry of G held whole.
PRODUCTS_BYTES_PER_GRAM_ENTRY = 12

# The entries of a row of G are estimated at this many numbers of paths, and interpolated between.
PATH_COUNTS = 24

# The least memory for the blocks in work.
LEAST_BLOCK_BYTES = 64 * 2**20

NARROWEST_TILE = 64

Count = TypeVar("Count", float, FloatArray)


@dataclass(frozen=True)
class Work:
    """The numbers of operations that the scores of all users take by each way.

    A product is one multiplication and addition: similarity_products of X X', score_products of
    W R, gram_products of G = X' R, gram_score_products of X G, tile_products of X with dense tiles
    of G, candidate_products of what tiles compute again. similarities, scores: upper bounds of
    stored entries; gram_entries: about those of G. candidates: scores that are selected and ranked.
    undecided_seconds: on one core, of the lists that tiles do not decide.
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
    gram_score_products: float
    tile_products: float
    candidate_products: float
    candidates: float
    undecided_seconds: float

    @classmethod
    def of(cls, interactions: sparse.csr_array, list_length: int) -> Work:
        """Counts the operations for R, users x tracks, and lists of this length."""
        users, tracks = interactions.shape
        user_tracks = np.diff(interactions.indptr).astype(np.float64)
        paths = UserPaths.of(interactions)
        # Two users who share several tracks are several paths, but one entry of W.
        entries_per_path = np.divide(
            paths.similarities, paths.to_users, out=np.ones(users), where=paths.to_users > 0
        )
        score_products = paths.to_tracks * entries_per_path
        candidates = CANDIDATES_PER_LIST_ENTRY * min(list_length, tracks)
        listeners = np.bincount(interactions.indices, minlength=tracks)
        paths_of_track = np.bincount(
            interactions.indices, user_tracks.take(row_of_each_entry(interactions)), tracks
        ).astype(np.float64)
        gram_entries = expected_entries(paths_of_track, listeners)
        seconds = _similarities_way_seconds(
            paths.to_users, paths.similarities, score_products, paths.scores
        )
        # About half of the scores are positive. Tiles do not decide a list that these do not fill.
        is_undecided = paths.scores < 2 * list_length
        return cls(
            users=users,
            tracks=tracks,
            interactions=interactions.nnz,
            similarity_products=float(paths.to_users.sum()),
            similarities=float(paths.similarities.sum()),
            score_products=float(score_products.sum()),
            scores=float(paths.scores.sum()),
            gram_products=float((user_tracks**2).sum()),
            gram_entries=float(gram_entries.sum()),
            gram_score_products=float(gram_entries @ listeners),
            tile_products=float(user_tracks.sum()) * tracks,
            candidate_products=float(user_tracks.sum()) * candidates,
            candidates=users * candidates,
            undecided_seconds=float(seconds[is_undecided].sum()),
        )


def expected_entries(paths: FloatArray, listeners: IntArray) -> FloatArray:
    """The expected number of distinct tracks at the ends of random paths: shape of `paths`.

    paths: numbers of paths. listeners: of each track, shape (tracks,). Each path ends at a track
    independently, with probability share = listeners / sum of all listeners; p paths miss a track
    with probability (1 - share)^p, about exp(-p share).
    """
    counts, tracks = np.unique(listeners, return_counts=True)
    shares = counts / max(listeners.sum(), 1)
    grid = np.geomspace(1, max(float(paths.max(initial=1)), 1), PATH_COUNTS)
    entries = -np.expm1(-grid[:, np.newaxis] * shares) @ tracks
    return np.where(paths > 0, np.interp(paths, grid, entries), 0.0)


@dataclass(frozen=True)
class Estimate:
    """The cost of a way: wall seconds, and the least bytes of memory."""

    seconds: float
    bytes: int


def estimated_seconds(work: Work, way: str, *, compiled: bool, threads: int) -> float:
    """Wall seconds of a way, loading the kernels included.

    The way `similarities` is taken to run by scipy: nearest_seconds estimates its kernels.
    """
    if way == BY_SIMILARITIES:
        seconds = _similarities_way_seconds(
            work.similarity_products, work.similarities, work.score_products, work.scores
        )
        return seconds / threads
    load = SECONDS_TO_LOAD_COMPILED if compiled else 0.0
    if way == BY_TILES:
        return _tiles_seconds(work, compiled=compiled) / threads + load
    gram = (
        PRODUCTS_SECONDS_PER_GRAM_PRODUCT[compiled] * work.gram_products
        + PRODUCTS_SECONDS_PER_GRAM_ENTRY[compiled] * work.gram_entries
    )
    if compiled:
        return (gram + _compiled_products_seconds(work)) / threads + load
    # scipy computes G on one thread.
    return gram + _products_seconds(work) / threads


def nearest_seconds(work: Work, nearest: int, overlap: bool, threads: int) -> float:
    """Wall seconds of the weights of the nearest users, and of the scores from them, by kernels."""
    # As many products as the nearest users have tracks.
    score_products = min(nearest, work.users) * work.interactions
    seconds = (
        NEAREST_SECONDS_PER_PRODUCT[overlap] * work.similarity_products
        + NEAREST_SECONDS_PER_CELL[overlap] * work.users**2
        + PRODUCTS_SECONDS_PER_PRODUCT[True] * score_products
        + WEIGHTS_SECONDS_PER_CELL * work.users * work.tracks
        + SECONDS_PER_CANDIDATE * work.candidates
    )
    return seconds / threads + SECONDS_TO_LOAD_COMPILED


def walk_seconds(work: Work, nearest: int, walk: Walk, *, compiled: bool, threads: int) -> float:
    """Wall seconds of a walk, and of the scores from the users reached beyond the nearest."""
    nearest, reach = min(nearest, work.users), min(walk.reach, work.users)
    steps = [min(nearest, reach), *[reach] * (walk.steps - 2)][: walk.steps - 1]
    products = [float(reached) * nearest for reached in steps]
    looked_at = [work.users if compiled else min(each, work.users) for each in products]
    seconds = work.users * (
        WALK_SECONDS_PER_PRODUCT[compiled] * sum(products)
        + WALK_SECONDS_PER_USER[compiled] * sum(looked_at)
    )
    score_products = max(reach - nearest, 0) * work.interactions if steps else 0
    return (seconds + PRODUCTS_SECONDS_PER_PRODUCT[compiled] * score_products) / threads


def walk_bytes(work: Work, nearest: int) -> int:
    """The memory of S, and of what goes with it."""
    entries = min(nearest, work.users) * work.users
    return WALK_BYTES_PER_ENTRY * entries + WALK_BYTES_PER_INTERACTION * work.interactions


def ridge_seconds(work: Work, threads: int) -> float:
    """Wall seconds of a ridge over users: the inverse, and the scores of all tracks from it."""
    return (
        RIDGE_SECONDS_PER_SIMILARITY_PRODUCT * work.similarity_products
        + RIDGE_SECONDS_PER_SIMILARITY * work.users**2
        + RIDGE_SECONDS_PER_INVERSE_PRODUCT * work.users**3 / 2
        + RIDGE_SECONDS_PER_INVERSE_ROW * work.users
        + RIDGE_SECONDS_PER_SCORE_PRODUCT * work.users * work.interactions
        + RIDGE_SECONDS_PER_CELL * work.users * (work.users + work.tracks)
    ) / threads


def ridge_bytes(work: Work) -> int:
    """The least memory of a ridge over users: half of the users x users, and a block of rows."""
    matrices = SIMILARITIES_BYTES_PER_INTERACTION * work.interactions
    return inverse_bytes(work.users) + matrices + LEAST_BLOCK_BYTES


def neighbors_seconds(work: Work, threads: int) -> float:
    """Wall seconds of the similarities between users, and of the neighbors stored from them."""
    kept = min(NEIGHBORS_KEPT * work.users, work.similarities)
    tracks_of_neighbors = kept * work.interactions / work.users
    return (
        _similarities_seconds(work.similarity_products, work.similarities)
        + SECONDS_PER_NEIGHBOR * kept
        + SECONDS_PER_TRACK_OF_NEIGHBOR * tracks_of_neighbors
    ) / threads


def _similarities_seconds(products: Count, similarities: Count) -> Count:
    """Similarities between users on one core, of all users together or of each."""
    return SECONDS_PER_SIMILARITY_PRODUCT * products + SECONDS_PER_SIMILARITY * similarities


def _similarities_way_seconds(
    similarity_products: Count, similarities: Count, score_products: Count, scores: Count
) -> Count:
    """Similarities and the scores from them on one core, of all users together or of each."""
    return (
        _similarities_seconds(similarity_products, similarities)
        + SECONDS_PER_SCORE_PRODUCT * score_products
        + SECONDS_PER_SCORE * scores
    )


def _products_seconds(work: Work) -> float:
    """Products of G with all users, and the ranking of the scores, by scipy on one core."""
    return (
        PRODUCTS_SECONDS_PER_PRODUCT[False] * work.gram_score_products
        + PRODUCTS_SECONDS_PER_SCORE * work.scores
    )


def _compiled_products_seconds(work: Work) -> float:
    """The same by kernels."""
    return (
        PRODUCTS_SECONDS_PER_PRODUCT[True] * work.gram_score_products
        + PRODUCTS_SECONDS_PER_CELL * work.users * work.tracks
        + SECONDS_PER_CANDIDATE * work.candidates
    )


def _tiles_seconds(work: Work, *, compiled: bool) -> float:
    """Tiles, their products with all users, and the lists that they do not decide, on one core."""
    return (
        TILES_SECONDS_PER_GRAM_PRODUCT[compiled] * work.gram_products
        + TILES_SECONDS_PER_GRAM_CELL[compiled] * work.tracks**2
        + TILES_SECONDS_PER_PRODUCT[compiled] * work.tile_products
        + TILES_SECONDS_PER_CELL[compiled] * work.users * work.tracks
        + TILES_SECONDS_PER_CANDIDATE_PRODUCT[compiled] * work.candidate_products
        + SECONDS_PER_CANDIDATE * work.candidates
        + work.undecided_seconds
    )


def least_bytes(work: Work, list_length: int, way: str, *, compiled: bool) -> int:
    """The least memory of a way: its matrices, the narrowest tile, and blocks."""
    if way == BY_SIMILARITIES:
        return int(SIMILARITIES_BYTES_PER_INTERACTION * work.interactions + LEAST_BLOCK_BYTES)
    if way == BY_PRODUCTS:
        matrices = PRODUCTS_BYTES_PER_INTERACTION * work.interactions
        gram = PRODUCTS_BYTES_PER_GRAM_ENTRY * work.gram_entries
        return int(matrices + gram + LEAST_BLOCK_BYTES)
    return (
        TILES_BYTES_PER_INTERACTION * work.interactions
        + TILE_BYTES[compiled] * work.tracks * min(NARROWEST_TILE, work.tracks)
        + TILE_BYTES_PER_TRACK[compiled] * work.tracks
        + CANDIDATE_BYTES * list_length * min(USERS_PER_BLOCK, work.users)
        + LEAST_BLOCK_BYTES
    )
