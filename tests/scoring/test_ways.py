"""Every way to compute the scores gives the same lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from tests.support import reference
from tests.support.blocks import collect_arrays
from tests.support.examples import examples
from tests.support.implementations import each_implementation
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, interaction_matrix, row_norms, unit_rows
from ubcf.scoring.options import BY_PRODUCTS, BY_TILES
from ubcf.scoring.planner import Plan
from ubcf.scoring.ranking import ListOptions
from ubcf.scoring.ways.blocks import NOT_COUNTED
from ubcf.scoring.ways.products import ProductMatrices
from ubcf.scoring.ways.tiles import Candidates

# Few different values, so that many scores are equal.
LEVELS = (-0.5, -0.25, 0.25, 0.5, 0.75)


@st.composite
def tied_interactions(draw: st.DrawFn) -> sparse.csr_array:
    """R of up to 12 users x 30 tracks whose values repeat."""
    users, tracks = draw(st.integers(1, 12)), draw(st.integers(1, 30))
    cells = draw(
        st.dictionaries(
            st.tuples(st.integers(0, users - 1), st.integers(0, tracks - 1)),
            st.sampled_from(LEVELS),
            min_size=1,
            max_size=120,
        )
    )
    rows, columns = np.array(list(cells)).T
    return interaction_matrix(rows, columns, np.array(list(cells.values())), (users, tracks))


def tiles(
    *,
    compiled: bool = False,
    neighbors: bool = False,
    tile_width: int = 1024,
    users_at_once: int = 1 << 20,
) -> Plan:
    return Plan(BY_TILES, compiled, neighbors, tile_width, users_at_once, 1 << 26, {}, "")


def products(*, compiled: bool = False, neighbors: bool = False) -> Plan:
    return Plan(BY_PRODUCTS, compiled, neighbors, 1, 1, 1 << 26, {}, "")


def lists_of(
    matrix: sparse.csr_array, wanted: ListOptions, plan: Plan | None, **limits: Any
) -> dict[str, NDArray[Any]]:
    """The results of all users; one array each."""
    blocks = list(score_users(ModelMatrices(matrix), wanted, plan, **limits))
    assert [block.start for block in blocks[1:]] == [block.stop for block in blocks[:-1]]
    return collect_arrays(blocks)


def assert_same_lists(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    assert one["recommendations lengths"].tolist() == other["recommendations lengths"].tolist()
    assert one["recommendations columns"].tolist() == other["recommendations columns"].tolist()
    assert np.allclose(
        one["recommendations values"], other["recommendations values"], rtol=0, atol=1e-9
    )


@each_implementation
@examples(150)
@given(
    data=st.data(),
    matrix=tied_interactions(),
    count=st.integers(1, 12),
    exclude=st.booleans(),
    only_positive=st.booleans(),
    width=st.integers(1, 30),
    users_at_once=st.integers(1, 12),
    threads=st.integers(1, 2),
)
def test_tiles_and_products_give_the_lists_of_similarities_and_of_the_dense_product_among_ties(
    compiled: bool,
    data: st.DataObject,
    matrix: sparse.csr_array,
    count: int,
    exclude: bool,
    only_positive: bool,
    width: int,
    users_at_once: int,
    threads: int,
) -> None:
    users, tracks = matrix.shape
    centered = matrix.toarray()
    similarity = reference.cosine_similarity(centered)
    scores = similarity @ centered
    assume(not reference.is_near_an_edge(centered, similarity, scores))
    some_tracks = st.sets(st.integers(0, tracks - 1), max_size=tracks if exclude else 0)
    heard = data.draw(st.lists(some_tracks, min_size=users, max_size=users))
    marks = sparse.lil_array((users, tracks))
    for user, excluded in enumerate(heard):
        for track in excluded:
            marks[user, track] = 1.0
    wanted = ListOptions(count, 3, marks.tocsr() if exclude else None, only_positive)
    by_similarity = lists_of(matrix, wanted, None)
    plan = tiles(compiled=compiled, tile_width=width, users_at_once=users_at_once)
    found = lists_of(matrix, wanted, plan, threads=threads)
    assert_same_lists(found, by_similarity)
    by_products = lists_of(
        matrix, wanted, products(compiled=compiled), threads=threads, most_users=users_at_once
    )
    assert_same_lists(by_products, by_similarity)
    assert by_products["positive_scores"].tolist() == by_similarity["positive_scores"].tolist()

    expected: list[int] = []
    for user in range(users):
        row = dict(enumerate(scores[user].tolist()))
        above = reference.above_zero(row)
        expected += [
            track
            for track in reference.ranking(row, preference=lambda track: track)
            if track not in heard[user] and (track in above or not only_positive)
        ][:count]
    assert found["recommendations columns"].tolist() == expected


@each_implementation
def test_tiles_find_the_scores_that_popular_and_rare_tracks_bring(compiled: bool) -> None:
    # The kernels look at the first 8,192 tracks first, and at others where a list may need them.
    random = np.random.default_rng(5)
    users, tracks, of_user = 300, 9_000, 60
    rows = np.repeat(np.arange(users), of_user)
    columns = random.integers(8_100, tracks, (users, of_user))
    # A third hears no popular track, a third as many of them, and a third no others.
    columns[100:200, : of_user // 2] = random.integers(0, 100, (100, of_user // 2))
    columns[200:] = random.integers(0, 8_200, (100, of_user))
    columns = columns.ravel()
    pairs = np.unique(rows * tracks + columns)
    times = random.normal(size=len(pairs))
    matrix = interaction_matrix(pairs // tracks, pairs % tracks, times, (users, tracks))
    wanted = ListOptions(20, 3)
    by_similarity = lists_of(matrix, wanted, None)
    for width in (1_000, tracks):
        found = lists_of(matrix, wanted, tiles(compiled=compiled, tile_width=width))
        assert_same_lists(found, by_similarity)


@each_implementation
@pytest.mark.parametrize(
    ("width", "users_at_once", "threads"),
    [(64, 600, 2), (100, 7, 1), (1, 200, 2), pytest.param(399, 1, 2, marks=pytest.mark.slow)],
)
def test_neither_tiles_nor_blocks_nor_threads_change_a_bit(
    compiled: bool, width: int, users_at_once: int, threads: int, crowd: sparse.csr_array
) -> None:
    wanted = ListOptions(20, 5)
    whole = lists_of(crowd, wanted, tiles(compiled=compiled))
    assert (whole["positive_scores"] == NOT_COUNTED).mean() > 0.5  # by tiles, most of them
    assert_same_lists(whole, lists_of(crowd, wanted, None))
    plan = tiles(compiled=compiled, tile_width=width, users_at_once=users_at_once)
    other = lists_of(crowd, wanted, plan, threads=threads)
    assert all(np.array_equal(whole[name], other[name]) for name in whole)


@each_implementation
def test_neither_blocks_nor_threads_change_a_bit_of_what_products_give(
    compiled: bool, crowd: sparse.csr_array
) -> None:
    wanted = ListOptions(20, 5)
    whole = lists_of(crowd, wanted, products(compiled=compiled))
    assert_same_lists(whole, lists_of(crowd, wanted, None))
    for users_at_once, threads in ((600, 2), (7, 1), (200, 2)):
        plan = products(compiled=compiled)
        other = lists_of(crowd, wanted, plan, threads=threads, most_users=users_at_once)
        assert all(np.array_equal(whole[name], other[name]) for name in whole)


@each_implementation
def test_products_leave_out_most_scores_of_long_rows_and_keep_whole_chains_of_ties(
    compiled: bool,
) -> None:
    # All users but one have heard all tracks; many scores are equal, at the lists' ends too.
    users, tracks = 40, 900
    random = np.random.default_rng(3)
    dense = random.choice((-0.5, 0.25, 0.5), size=(users, tracks), p=(0.2, 0.4, 0.4))
    dense[-1] = 0.0
    dense[-1, 5] = 0.5
    matrix = sparse.csr_array(dense)
    wanted = ListOptions(10, 0)
    found = lists_of(matrix, wanted, products(compiled=compiled), threads=2)
    assert_same_lists(found, lists_of(matrix, wanted, None))
    if compiled:
        from ubcf.scoring.ways.products import CompiledProducts

        unit = unit_rows(matrix, row_norms(matrix))
        matrices = ProductMatrices(matrix, unit, unit.T.tocsr(), matrix.data, np.full(users, 10))
        scores, positive = CompiledProducts(matrices, 1).scores(0, users)
        assert (np.diff(scores.indptr) < positive / 2).mean() > 0.5


@pytest.mark.parametrize("exclude", [False, True])
@each_implementation
@pytest.mark.parametrize("plan_of", [products, tiles])
def test_tiles_and_products_can_give_the_neighbors_too(
    plan_of: Callable[..., Plan], compiled: bool, exclude: bool, crowd: sparse.csr_array
) -> None:
    wanted = ListOptions(20, 5, crowd if exclude else None)
    found = lists_of(crowd, wanted, plan_of(compiled=compiled, neighbors=True), threads=2)
    expected = lists_of(crowd, wanted, None)
    assert_same_lists(found, expected)
    for name in ("neighbors columns", "common_tracks", "positive", "negative"):
        assert found[name].tolist() == expected[name].tolist()


def test_candidates_are_not_more_than_the_lists_where_all_scores_are_equal() -> None:
    """100 users of 100,000 tracks with one score would hold ten million candidates."""
    candidates = Candidates.none_yet(0, np.array([3, 2]))
    rows = np.repeat(np.arange(2, dtype=np.int32), 100)
    for first in range(0, 1_000, 100):
        columns = np.tile(np.arange(first, first + 100, dtype=np.int32), 2)
        candidates.add(rows, columns, np.full(200, 0.5))
        assert sum(map(len, candidates.rows)) == 3 + 2
    candidates.add(np.zeros(1, np.int32), np.array([1_000], np.int32), np.array([0.75]))
    scores, decided = candidates.finished(tracks=1_001)
    assert decided.tolist() == [0, 1]
    assert [scores[[row]].indices.tolist() for row in (0, 1)] == [[0, 1, 2, 1_000], [0, 1]]
