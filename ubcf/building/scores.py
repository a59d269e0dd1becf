"""The stage of a build between the database and the matrices: interactions in, scores out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ubcf.building.memory import (
    database_memory,
    database_memory_beside_matrices,
    limit_for_matrices,
    matrices_memory,
)
from ubcf.building.options import BuildOptions, ModelOptions
from ubcf.database.writing import Database
from ubcf.errors import OptionError
from ubcf.progress import Stages
from ubcf.scoring.baseline import fit_baseline
from ubcf.scoring.matrices import interaction_matrix, track_rows
from ubcf.scoring.neighborhood import Neighborhood, UserMatrices
from ubcf.scoring.parallel import in_turn
from ubcf.scoring.planner import Plan, TooLittleMemoryError, Work, plan_scores, worth_compiling
from ubcf.scoring.predictions import Deviations, predict_deviations
from ubcf.scoring.ranking import TopLists
from ubcf.scoring.ways.blocks import ListsWanted, UserBlock, score_users

# Neighbors of a user that are kept in the database, the most similar ones.
STORED_NEIGHBORS = 50

# Steps of the stage.
PERMILLE = 1000


def score(db: Database, options: BuildOptions, stages: Stages) -> Plan:
    """The tables user_measures, similar_users and top_tracks, by dense indexes.

    Raises OptionError, with the memory limit that would do, when that of the options does not.
    """
    indexed = db.arrays("indexed_interactions")
    users, tracks = indexed["user_index"], indexed["track_index"]
    shape = (int(users.max()) + 1, int(tracks.max()) + 1)
    model = options.model
    interactions = interaction_matrix(users, tracks, indexed["counted_time"], shape)
    centered = None
    if options.predict:
        centered = track_rows(users, tracks, indexed["centered_time"], shape)
    heard = sparse.csr_array((np.ones(len(users), dtype=np.int8), (users, tracks)), shape=shape)
    del indexed, users, tracks
    stored = STORED_NEIGHBORS if options.store_neighbors is None else options.store_neighbors
    excluded = heard if options.exclude_heard else None
    wanted = ListsWanted(options.top, stored, excluded, options.only_positive)
    matrices = UserMatrices(interactions, heard)
    plan = _plan(interactions, wanted, options)
    db.limit_memory(database_memory_beside_matrices(options.memory))
    with stages.stage("score", PERMILLE) as stage:
        stage.rows = 0
        blocks = score_users(
            matrices,
            wanted,
            plan,
            neighborhood=neighborhood_of(model),
            self_weight=model.self_weight,
            threads=options.thread_count,
            memory=plan.block_bytes,
            advance=lambda share: stage.advance_by(share * PERMILLE),
        )
        for block, deviations in (
            zip(blocks, repeat(None))
            if centered is None
            else _predicted(blocks, matrices, centered, options)
        ):
            _store(db, block, deviations, shape[0], wanted)
            stage.rows += len(block.recommendations.columns)
        db.flush()
    db.limit_memory(database_memory(options.memory))
    return plan


def neighborhood_of(model: ModelOptions) -> Neighborhood:
    """What of the options of a model makes its neighborhood."""
    return Neighborhood(
        neighbors=model.neighbors,
        shrinkage=model.shrinkage,
        min_similarity=model.min_similarity,
        min_common=model.min_common,
        overlap=model.similarity == "overlap",
    )


def store_baseline(db: Database) -> None:
    """The tables user_biases and track_biases, by dense indexes, and the variable mean_time."""
    plays = db.arrays("indexed_plays")
    users, tracks = plays["user_index"], plays["track_index"]
    shape = (int(users.max()) + 1, int(tracks.max()) + 1)
    baseline = fit_baseline(users, tracks, plays["plays"], plays["total_time"], shape)
    db.set(mean_time=baseline.mean)
    for name, biases in (("user", baseline.users), ("track", baseline.tracks)):
        index = np.arange(len(biases), dtype=np.int32)
        db.append(f"{name}_biases", {f"{name}_index": index, "bias": biases})
    db.flush()


def _plan(interactions: sparse.csr_array, wanted: ListsWanted, options: BuildOptions) -> Plan:
    """How to compute the scores within the memory limit."""
    users, tracks = interactions.shape
    way = None if options.plan == "auto" else options.plan
    most_ranked = int(wanted.tracks_to_rank(users).max())
    try:
        return plan_scores(
            Work.of(interactions, most_ranked),
            wanted=most_ranked,
            threads=options.thread_count,
            memory=matrices_memory(options.memory),
            way=way,
            neighbors=None if options.store_neighbors is None else options.store_neighbors > 0,
            options_need_left=not options.model.takes_all_users,
            nearest=options.model.neighbors,
            overlap=options.model.similarity == "overlap",
        )
    except TooLittleMemoryError as error:
        needed = limit_for_matrices(error.needed)
        raise OptionError(
            f"memory_limit is {options.memory // 2**20:,} MiB; the scores of {users:,} users x "
            f"{tracks:,} tracks need at least {math.ceil(needed / 2**20):,}MiB"
        ) from error


def _predicted(
    blocks: Iterator[UserBlock],
    matrices: UserMatrices,
    centered: sparse.csr_array,
    options: BuildOptions,
) -> Iterator[tuple[UserBlock, Deviations]]:
    """The blocks, each with what the neighbors say of its recommendations."""
    compiled = worth_compiling(centered.nnz, len(matrices.norms))

    def predict(block: UserBlock) -> tuple[UserBlock, Deviations]:
        lists = block.recommendations
        deviations = predict_deviations(
            matrices,
            centered,
            neighborhood_of(options.model),
            block.start + lists.rows,
            lists.columns,
            damping=options.model.damping,
            compiled=compiled,
        )
        return block, deviations

    with ThreadPoolExecutor(options.thread_count) as pool:
        yield from in_turn(pool, predict, blocks, 2 * options.thread_count)


def _store(
    db: Database, block: UserBlock, deviations: Deviations | None, users: int, wanted: ListsWanted
) -> None:
    """Appends a block of so many users in all to the tables of the stage."""
    db.append(
        "user_measures",
        {
            "user_index": np.arange(block.start, block.stop, dtype=np.int32),
            "norm": block.norms,
            "positive_neighbors": block.counts.positive,
            "negative_neighbors": block.counts.negative,
            "positive_scores": block.positive_scores,
        },
        users,
    )
    db.append(
        "similar_users",
        {
            **_placed(block.neighbors, block.start),
            "neighbor_index": block.neighbors.columns.astype(np.int32),
            "similarity": block.neighbors.values,
            "common_tracks": block.common_tracks,
        },
        users * wanted.neighbors,
    )
    db.append(
        "top_tracks",
        {
            **_placed(block.recommendations, block.start),
            "track_index": block.recommendations.columns.astype(np.int32),
            "score": block.recommendations.values,
            "heard": block.heard,
            **({} if deviations is None else asdict(deviations)),
        },
        users * wanted.recommendations,
    )


def _placed(lists: TopLists, first: int) -> dict[str, NDArray[np.int32]]:
    """Whose each entry of the lists is, counted from user `first`, and its rank."""
    return {
        "user_index": (first + lists.rows).astype(np.int32),
        "rank": lists.ranks.astype(np.int32),
    }
