"""The planner counts the work and keeps to the memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from ubcf.scoring.costs import Work, expected_entries
from ubcf.scoring.matrices import interaction_matrix
from ubcf.scoring.options import BY_PRODUCTS, BY_SIMILARITIES, BY_TILES, WAYS, Neighborhood, Walk
from ubcf.scoring.planner import Plan, TooLittleMemoryError, plan_scores


def planned(users: int, tracks: int, interactions: int, **options: Any) -> Plan:
    """The plan for interactions that are spread evenly."""
    random = np.random.default_rng(0)
    cells = np.unique(
        np.stack(
            [random.integers(0, users, interactions), random.integers(0, tracks, interactions)]
        ),
        axis=1,
    )
    matrix = interaction_matrix(cells[0], cells[1], np.ones(cells.shape[1]), (users, tracks))
    work = Work.of(matrix, 100)
    return plan_scores(work, list_length=100, **{"threads": 2, "memory": 1 << 31, **options})


def test_the_work_is_counted_as_a_dense_product_counts_it() -> None:
    # Users 0 and 1 share track 0; user 2 is alone with track 2.
    matrix = interaction_matrix(
        np.array([0, 0, 1, 2]), np.array([0, 1, 0, 2]), np.array([0.5, -0.5, 0.5, 0.5]), (3, 3)
    )
    work = Work.of(matrix, 2)
    assert (work.users, work.tracks, work.interactions) == (3, 3, 4)
    assert work.similarity_products == 2**2 + 1 + 1  # listeners of each track, squared
    assert work.gram_products == 2**2 + 1 + 1  # tracks of each user, squared
    assert work.tile_products == 4 * 3
    assert work.gram_entries == pytest.approx(2 * 2 + 1, rel=0.3)
    assert work.similarities == 3 + 2 + 1
    assert work.scores == 3 + 3 + 1


def test_the_entries_of_the_products_are_estimated_from_popularity(
    crowd: sparse.csr_array,
) -> None:
    pattern = sparse.csr_array((np.ones(crowd.nnz), crowd.indices, crowd.indptr), crowd.shape)
    products = sparse.csr_array(pattern.T @ pattern)
    paths = np.asarray(products.sum(axis=1))
    estimated = expected_entries(paths, np.bincount(crowd.indices, minlength=crowd.shape[1]))
    assert estimated.sum() == pytest.approx(products.nnz, rel=0.1)
    assert expected_entries(np.zeros(3), np.array([1, 2, 3])).tolist() == [0, 0, 0]


def test_many_users_of_few_tracks_are_scored_by_products_and_few_users_by_similarity() -> None:
    assert planned(20_000, 500, 400_000, numba=False).way in (BY_PRODUCTS, BY_TILES)
    assert planned(500, 20_000, 10_000, numba=False).way == BY_SIMILARITIES
    for way in WAYS:
        assert planned(500, 20_000, 40_000, way=way).way == way


def test_neither_the_plan_nor_the_neighbors_depend_on_the_threads() -> None:
    for sizes in ((300, 400, 4_000), (2_000, 2_000, 40_000), (9_000, 20_000, 90_000)):
        plans = [planned(*sizes, threads=threads) for threads in (1, 2, 3, 8, 64)]
        assert len({(plan.way, plan.compiled, plan.neighbors) for plan in plans}) == 1


def test_products_are_held_whole_only_within_the_memory() -> None:
    assert planned(20_000, 10_000, 400_000, numba=True).way == BY_PRODUCTS
    plan = planned(20_000, 10_000, 400_000, numba=True, memory=130 << 20)
    assert plan.way != BY_PRODUCTS
    assert "; products needs " in plan.reason


def test_neighbors_are_left_out_if_they_cost_more_than_the_scores() -> None:
    assert not planned(20_000, 500, 400_000).neighbors
    assert planned(20_000, 500, 400_000, neighbors=True).neighbors
    assert planned(500, 20_000, 40_000).neighbors


def test_the_plan_keeps_to_the_memory_or_reports_how_much_it_needs() -> None:
    wide, narrow = (
        planned(3_000, 20_000, 60_000, way=BY_TILES, memory=m << 20) for m in (900, 100)
    )
    assert wide.tile_width > narrow.tile_width >= 64
    assert wide.block_bytes > narrow.block_bytes
    with pytest.raises(TooLittleMemoryError) as refused:
        planned(3_000, 20_000, 60_000, way=BY_TILES, memory=30 << 20)
    needed = refused.value.needed
    assert planned(3_000, 20_000, 60_000, way=BY_TILES, memory=needed).tile_width == 64


def test_a_walk_is_planned_with_the_similarities_of_all_users() -> None:
    near, walk = {"neighborhood": Neighborhood(100)}, {"walk": Walk(4, 300)}
    without, walking = (
        planned(20_000, 500, 400_000, **near, **more).estimates[BY_SIMILARITIES]
        for more in ({}, walk)
    )
    assert walking.bytes - without.bytes >= 20_000 * 100 * (8 + 4)
    assert walking.seconds > without.seconds
    # One step reaches the neighbors, so it costs no more than they do.
    one_step = planned(20_000, 500, 400_000, **near, walk=Walk(1, 300))
    assert one_step.estimates[BY_SIMILARITIES].seconds == without.seconds
    with pytest.raises(TooLittleMemoryError):
        planned(20_000, 500, 400_000, **near, **walk, memory=walking.bytes - 1)
