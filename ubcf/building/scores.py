"""The stage of a build that scores: interactions out of the database, lists back into it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.building.memory import (
    database_memory,
    database_memory_beside_matrices,
    limit_for_matrices,
    matrices_memory,
    may_load_kernels,
)
from ubcf.building.options import BuildOptions
from ubcf.building.recommendable import recommendable_mask
from ubcf.database.writing import Database
from ubcf.errors import MemoryLimitError
from ubcf.progress import Stages
from ubcf.scoring.costs import Work
from ubcf.scoring.heap import release_freed_memory
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import FloatArray, Indexes, ModelMatrices, row_of_each_entry
from ubcf.scoring.options import BY_SIMILARITIES, ModelOptions
from ubcf.scoring.pairs import Deviations, predict_deviations, scored_by_own_listening
from ubcf.scoring.parallel import in_turn
from ubcf.scoring.planner import (
    Plan,
    TooLittleMemoryError,
    plan_ridge,
    plan_scores,
    worth_compiling,
)
from ubcf.scoring.predictions import with_own_tracks
from ubcf.scoring.ranking import ListOptions
from ubcf.scoring.similarity import greatest_in_magnitude, weights
from ubcf.scoring.ways.blocks import UserBlock

# The most similar neighbors of each user, stored by default.
STORED_NEIGHBORS = 50

# The pairs whose deviations by own tracks are computed together take this share of the memory, at
# this many bytes a pair: they and their blocks wait for each other, since the similar tracks of a
# track are computed once for all pairs together.
OWN_TRACKS_MEMORY_SHARE = 0.08
BYTES_PER_PAIR = 200

# The table weights is left empty where it could have more rows: with 300 for each user, from
# 16,667 users on. As many rows take some 60 MB of the database.
MOST_STORED_WEIGHTS = 5 * 10**6

# The weights of a ridge that are stored of each user: the greatest in magnitude.
MOST_RIDGE_WEIGHTS = 300

# Progress reports say how long the stage is likely to take from this many seconds on.
SECONDS_WORTH_SAYING = 10

# Steps of the stage in a progress report.
PERMILLE = 1000

# The types of ids that arrays hold as they are; others go through arrays as texts.
TYPES_IN_ARRAYS = ("VARCHAR", "BIGINT", "INTEGER", "SMALLINT", "TINYINT")


@dataclass(frozen=True)
class Axis:
    """The users or the tracks of R, in order of their dense indexes: their ids and centers.

    The expected time of a user on a track is the sum of their centers.
    """

    ids: NDArray[Any]
    centers: FloatArray

    @classmethod
    def of(cls, db: Database, kind: str) -> Axis:
        """That of a database; kind: 'user' or 'track'."""
        as_text = db.columns("interactions")[kind] not in TYPES_IN_ARRAYS
        arrays = db.run_arrays(f"model/questions/{kind}s_in_order.sql", as_text=as_text)
        return cls(np.asarray(arrays["id"]), np.asarray(arrays["center"]))


def score(
    db: Database, options: BuildOptions, stages: Stages, *, store_weights: bool = True
) -> Plan:
    """Makes the tables user_measures, similar_users, user_weights and top_tracks.

    The first and the third have dense indexes. The others have ids, in order of users and ranks:
    to look up as many by joins, and to sort them, would take twice the time.
    store_weights: fill user_weights, if the model walks or has a ridge, and they are not too many.
    Raises MemoryLimitError, with the limit that would suffice, when the limit is too small.
    """
    try:
        plan = _score_beside_database(db, options, stages, store_weights=store_weights)
    except MemoryLimitError:
        # A comparison of presets goes on with the others.
        db.limit_memory(database_memory(options.memory))
        raise
    # The matrices have ended with the function; DuckDB gets their part when the system has it back.
    release_freed_memory()
    db.limit_memory(database_memory(options.memory))
    return plan


def _score_beside_database(
    db: Database, options: BuildOptions, stages: Stages, *, store_weights: bool
) -> Plan:
    """Does what `score` says, and leaves DuckDB with its part of the memory beside matrices."""
    scoring = Scoring.of(db, options)
    plan = scoring.plan
    with stages.stage("score", PERMILLE, reported_as=announced(plan)) as stage:
        stage.rows = store_lists(
            db,
            scoring,
            scoring.all_users,
            store_weights=store_weights,
            advance=lambda share: stage.advance_by(share * PERMILLE),
        )
    return plan


@dataclass(frozen=True)
class Scoring:
    """What the lists of all users are computed from: the matrices, and how to compute.

    users, tracks: of the matrices.
    """

    options: BuildOptions
    matrices: ModelMatrices
    lists: ListOptions
    plan: Plan
    users: Axis
    tracks: Axis

    @classmethod
    def of(cls, db: Database, options: BuildOptions, *, least_database: int = 0) -> Scoring:
        """From the tables of the model; leaves DuckDB with its part of the memory beside matrices.

        least_database: the least bytes that DuckDB needs beside them. Raises MemoryLimitError as
        `score`.
        """
        model = options.model
        indexed = db.arrays("indexed_interactions")
        if not options.predict and model.own_liking == 0:
            del indexed["centered_time"]
        recommendable = None
        if options.chooses_tracks:
            recommendable = recommendable_mask(db, int(indexed["track_index"].max()) + 1)
        db.limit_memory(database_memory_beside_matrices(options.memory, least_database))
        matrices = ModelMatrices.from_indexed(indexed, model, predict=options.predict)
        del indexed
        lists = ListOptions(
            options.top,
            STORED_NEIGHBORS if options.store_neighbors is None else options.store_neighbors,
            matrices.pattern if options.exclude_heard else None,
            options.only_positive,
            recommendable,
        )
        plan = _plan(matrices.interactions, lists, options, least_database)
        return cls(options, matrices, lists, plan, Axis.of(db, "user"), Axis.of(db, "track"))

    @property
    def all_users(self) -> range:
        """The dense indexes of the users."""
        return range(len(self.users.ids))


def store_lists(
    db: Database,
    scoring: Scoring,
    users: range,
    *,
    store_weights: bool = True,
    similarity: sparse.csr_array | None = None,
    advance: Callable[[float], None] = lambda _share: None,
) -> int:
    """Makes the tables of `score` for consecutive users; returns the number of recommendations.

    similarity, advance: as for `score_users`.
    """
    options, matrices, lists = scoring.options, scoring.matrices, scoring.lists
    model, plan = options.model, scoring.plan
    blocks = score_users(
        matrices,
        lists,
        plan,
        neighborhood=model.neighborhood,
        walk=model.users_reached,
        ridge=model.ridge_over_users,
        threads=options.thread_count,
        memory=plan.block_bytes,
        users=users,
        similarity=similarity,
        advance=advance,
    )
    most_weights = _weights_to_store(len(matrices.norms), model) if store_weights else 0
    rows = 0
    for block, deviations in (
        _predicted(blocks, matrices, options) if options.predict else zip(blocks, repeat(None))
    ):
        own = _own(block, matrices, model)
        _store_neighbors(db, block, scoring, len(users))
        _store_recommendations(db, block, own, deviations, scoring, len(users))
        _store_weights(db, block, most_weights, ridge=model.ridge_over_users is not None)
        rows += len(block.recommendations.columns)
    db.flush()
    return rows


def announced(plan: Plan) -> str:
    """The name of the stage for progress reports, with the time that a long one is likely to take.

    Where all users share a track, their similarities are quadratic in their number, and nothing
    less will do: then at least the time is said before it is spent.
    """
    seconds = plan.estimates[plan.way].seconds
    if plan.neighbors and plan.way != BY_SIMILARITIES:
        seconds += plan.estimates["neighbors"].seconds
    if seconds < SECONDS_WORTH_SAYING:
        return "score"
    return f"score ({plan.way}, about {seconds:,.0f} s)"


def _plan(
    interactions: sparse.csr_array, lists: ListOptions, options: BuildOptions, least_database: int
) -> Plan:
    """Chooses how to compute the scores within the memory limit."""
    users, tracks = interactions.shape
    way = None if options.plan == "auto" else options.plan
    longest = int(lists.ranking_lengths(users).max())
    work, memory = Work.of(interactions, longest), matrices_memory(options.memory, least_database)
    neighbors = None if options.store_neighbors is None else options.store_neighbors > 0
    ridge = options.model.ridge_over_users
    try:
        if ridge is not None:
            return plan_ridge(
                work, threads=options.thread_count, memory=memory, neighbors=neighbors
            )
        return plan_scores(
            work,
            list_length=longest,
            threads=options.thread_count,
            memory=memory,
            way=way,
            neighbors=neighbors,
            numba=None if may_load_kernels(options.memory) else False,
            neighborhood=options.model.neighborhood,
            walk=options.model.users_reached,
        )
    except TooLittleMemoryError as error:
        needed = limit_for_matrices(error.needed, least_database)
        raise MemoryLimitError(
            f"memory_limit is {options.memory // 2**20:,} MiB; the scores of {users:,} users x "
            f"{tracks:,} tracks {'by a ridge ' if ridge else ''}need at least "
            f"{math.ceil(needed / 2**20)}MiB"
        ) from error


def _predicted(
    blocks: Iterator[UserBlock],
    matrices: ModelMatrices,
    options: BuildOptions,
) -> Iterator[tuple[UserBlock, Deviations]]:
    """Yields the blocks, each with the deviations of its predicted times."""
    model = options.model
    compiled = may_load_kernels(options.memory) and worth_compiling(
        matrices.pattern.nnz, len(matrices.norms)
    )

    def predict(block: UserBlock) -> tuple[UserBlock, Deviations]:
        lists = block.recommendations
        deviations = predict_deviations(
            matrices,
            model.neighborhood,
            block.start + lists.rows,
            lists.columns,
            damping=model.damping,
            compiled=compiled,
        )
        return block, deviations

    with ThreadPoolExecutor(options.thread_count) as pool:
        predicted = in_turn(pool, predict, blocks, 2 * options.thread_count)
        if not model.own_tracks:
            yield from predicted
            return
        most_pairs = int(OWN_TRACKS_MEMORY_SHARE * options.memory / BYTES_PER_PAIR)
        for group in _groups(predicted, most_pairs):
            yield from _with_own_tracks(group, matrices, options, compiled=compiled)


def _groups(
    predicted: Iterator[tuple[UserBlock, Deviations]], most_pairs: int
) -> Iterator[list[tuple[UserBlock, Deviations]]]:
    """Yields consecutive blocks in groups of at most this many recommendations, or of one block."""
    group: list[tuple[UserBlock, Deviations]] = []
    pairs = 0
    for block, deviations in predicted:
        pairs += len(deviations.deviation)
        if group and pairs > most_pairs:
            yield group
            group, pairs = [], len(deviations.deviation)
        group.append((block, deviations))
    if group:
        yield group


def _with_own_tracks(
    group: list[tuple[UserBlock, Deviations]],
    matrices: ModelMatrices,
    options: BuildOptions,
    *,
    compiled: bool,
) -> Iterator[tuple[UserBlock, Deviations]]:
    """Yields the blocks with the deviations that the users' own tracks predict, too."""
    blocks = [block for block, _ in group]
    found = with_own_tracks(
        Deviations(
            np.concatenate([each.deviation for _, each in group]),
            np.concatenate([each.support for _, each in group]),
        ),
        matrices,
        options.model.neighborhood,
        np.concatenate([block.start + block.recommendations.rows for block in blocks]),
        np.concatenate([block.recommendations.columns for block in blocks]),
        damping=options.model.damping,
        threads=options.thread_count,
        compiled=compiled,
    )
    start = 0
    for block in blocks:
        stop = start + len(block.recommendations.columns)
        yield block, found.part(slice(start, stop))
        start = stop


def _own(block: UserBlock, matrices: ModelMatrices, model: ModelOptions) -> NDArray[np.bool_]:
    """Whether each recommendation of a block is from the user's own listening alone."""
    lists = block.recommendations
    own = np.zeros(len(lists.columns), dtype=bool)
    if model.own_liking == 0 and block.weights is None:
        return own
    heard = np.flatnonzero(block.heard)
    rows = lists.rows.take(heard)
    self_weights = None
    if block.weights is not None:
        self_weights = block.weights.diagonal(block.start).take(rows)

    def weights_of(users: Indexes) -> sparse.csr_array:
        if block.weights is None:
            return weights(matrices, model.neighborhood, users)
        return block.weights[users - block.start]

    own[heard] = scored_by_own_listening(
        matrices,
        weights_of,
        block.start + rows,
        lists.columns.take(heard),
        lists.values.take(heard),
        self_weights=self_weights,
    )
    return own


def _weights_to_store(users: int, model: ModelOptions) -> int:
    """An upper bound of the rows of user_weights; 0: it stays empty."""
    if not model.has_weights:
        return 0
    of_user = MOST_RIDGE_WEIGHTS if model.users_reached is None else model.users_reached.reach
    most = users * min(of_user, users)
    return most if most <= MOST_STORED_WEIGHTS else 0


def _store_weights(db: Database, block: UserBlock, most_weights: int, *, ridge: bool) -> None:
    """Appends the weights of a block to user_weights, which is to have this many rows at most.

    ridge: the weights are of a ridge, and only the greatest in magnitude are stored.
    """
    stored = block.weights
    if stored is None or most_weights == 0:
        stored = sparse.csr_array((block.stop - block.start, 0))
    elif ridge:
        stored = greatest_in_magnitude(stored, MOST_RIDGE_WEIGHTS)
    db.append(
        "user_weights",
        {
            "user_index": (block.start + row_of_each_entry(stored)).astype(np.int32),
            "neighbor_index": stored.indices.astype(np.int32),
            "weight": stored.data,
        },
        most_weights,
    )


def _store_neighbors(db: Database, block: UserBlock, scoring: Scoring, most_users: int) -> None:
    """Appends a block to user_measures and similar_users; most_users: of all blocks."""
    users = scoring.users
    db.append(
        "user_measures",
        {
            "user_index": np.arange(block.start, block.stop, dtype=np.int32),
            "norm": block.norms,
            "positive_neighbors": block.counts.positive,
            "negative_neighbors": block.counts.negative,
            "positive_scores": block.positive_scores,
        },
        most_users,
    )
    neighbors = block.neighbors
    db.append(
        "similar_users",
        {
            "user": users.ids.take(block.start + neighbors.rows),
            "rank": neighbors.ranks.astype(np.int32),
            "neighbor": users.ids.take(neighbors.columns),
            "similarity": neighbors.values,
            "common_tracks": block.common_tracks,
        },
        most_users * scoring.lists.neighbors,
    )


def _store_recommendations(
    db: Database,
    block: UserBlock,
    own: NDArray[np.bool_],
    deviations: Deviations | None,
    scoring: Scoring,
    most_users: int,
) -> None:
    """Appends a block to top_tracks.

    own: whether each recommendation is from the user's own listening alone. most_users: of all
    blocks.
    """
    users, tracks = scoring.users, scoring.tracks
    best = block.recommendations
    rows = block.start + best.rows
    arrays: dict[str, NDArray[Any]] = {
        "user": users.ids.take(rows),
        "rank": best.ranks.astype(np.int32),
        "track": tracks.ids.take(best.columns),
        "score": best.values,
        "heard": block.heard,
        "own": own,
    }
    if deviations is not None:
        expected_time = users.centers.take(rows) + tracks.centers.take(best.columns)
        arrays |= {"expected_time": expected_time, **deviations.columns}
    db.append("top_tracks", arrays, most_users * scoring.lists.recommendations)
