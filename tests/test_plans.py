"""Every way to compute the scores gives the same lists, and the planner keeps to the memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

import ubcf
from tests import reference
from tests.conftest import PROJECT, Built, build_folder, run_ubcf
from tests.pieces import pieces_of
from ubcf.scoring.costs import Work, expected_entries
from ubcf.scoring.kernels import has_numba
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, interaction_matrix, row_norms, unit_rows
from ubcf.scoring.options import BY_PRODUCTS, BY_SIMILARITIES, BY_TILES, WAYS
from ubcf.scoring.planner import Plan, TooLittleMemoryError, plan_scores
from ubcf.scoring.ranking import ListOptions
from ubcf.scoring.ways.blocks import NOT_COUNTED
from ubcf.scoring.ways.products import ProductMatrices

SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

KERNELS = [
    False,
    pytest.param(True, marks=pytest.mark.skipif(not has_numba(), reason="numba is not installed")),
]

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


def right(*, compiled: bool = False, neighbors: bool = False) -> Plan:
    return Plan(BY_PRODUCTS, compiled, neighbors, 1, 1, 1 << 26, {}, "")


def lists_of(
    matrix: sparse.csr_array, wanted: ListOptions, plan: Plan | None, **limits: Any
) -> dict[str, NDArray[Any]]:
    """The results of all users, in one piece each."""
    blocks = list(score_users(ModelMatrices(matrix), wanted, plan, **limits))
    assert [block.start for block in blocks[1:]] == [block.stop for block in blocks[:-1]]
    return pieces_of(blocks)


def assert_same_lists(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> None:
    assert one["recommendations lengths"].tolist() == other["recommendations lengths"].tolist()
    assert one["recommendations columns"].tolist() == other["recommendations columns"].tolist()
    assert np.allclose(
        one["recommendations values"], other["recommendations values"], rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("compiled", KERNELS)
@settings(SETTINGS, max_examples=150)
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
        matrix, wanted, right(compiled=compiled), threads=threads, most_users=users_at_once
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


@pytest.fixture(scope="module")
def crowd() -> sparse.csr_array:
    """R of 600 users x 400 tracks, a few popular, with times that repeat."""
    random = np.random.default_rng(5)
    rows = np.repeat(np.arange(600), 30)
    columns = np.minimum(random.zipf(1.3, len(rows)) - 1, 399)
    cells = np.unique(np.stack([rows, columns]), axis=1)
    values = random.choice(LEVELS, size=cells.shape[1])
    return interaction_matrix(cells[0], cells[1], values, (600, 400))


@pytest.mark.parametrize("compiled", KERNELS)
def test_neither_tiles_nor_blocks_nor_threads_change_a_bit(
    compiled: bool, crowd: sparse.csr_array
) -> None:
    wanted = ListOptions(20, 5)
    whole = lists_of(crowd, wanted, tiles(compiled=compiled))
    assert (whole["positive_scores"] == NOT_COUNTED).mean() > 0.5  # by tiles, most of them
    assert_same_lists(whole, lists_of(crowd, wanted, None))
    for width, users_at_once, threads in ((64, 600, 2), (100, 7, 1), (1, 200, 2), (399, 1, 2)):
        plan = tiles(compiled=compiled, tile_width=width, users_at_once=users_at_once)
        other = lists_of(crowd, wanted, plan, threads=threads)
        assert all(np.array_equal(whole[name], other[name]) for name in whole)


@pytest.mark.parametrize("compiled", KERNELS)
def test_neither_blocks_nor_threads_change_a_bit_of_what_products_give(
    compiled: bool, crowd: sparse.csr_array
) -> None:
    wanted = ListOptions(20, 5)
    whole = lists_of(crowd, wanted, right(compiled=compiled))
    assert_same_lists(whole, lists_of(crowd, wanted, None))
    for users_at_once, threads in ((600, 2), (7, 1), (200, 2)):
        plan = right(compiled=compiled)
        other = lists_of(crowd, wanted, plan, threads=threads, most_users=users_at_once)
        assert all(np.array_equal(whole[name], other[name]) for name in whole)


@pytest.mark.parametrize("compiled", KERNELS)
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
    found = lists_of(matrix, wanted, right(compiled=compiled), threads=2)
    assert_same_lists(found, lists_of(matrix, wanted, None))
    if compiled:
        from ubcf.scoring.ways.products import CompiledProducts

        unit = unit_rows(matrix, row_norms(matrix))
        products = CompiledProducts(
            ProductMatrices(matrix, unit, unit.T.tocsr(), matrix.data, np.full(users, 10)), 1
        )
        scores, positive = products.scores(0, users)
        assert (np.diff(scores.indptr) < positive / 2).mean() > 0.5


@pytest.mark.parametrize("exclude", [False, True])
@pytest.mark.parametrize("compiled", KERNELS)
@pytest.mark.parametrize("plan_of", [right, tiles])
def test_tiles_and_products_can_give_the_neighbors_too(
    plan_of: Callable[..., Plan], compiled: bool, exclude: bool, crowd: sparse.csr_array
) -> None:
    wanted = ListOptions(20, 5, crowd if exclude else None)
    found = lists_of(crowd, wanted, plan_of(compiled=compiled, neighbors=True), threads=2)
    expected = lists_of(crowd, wanted, None)
    assert_same_lists(found, expected)
    for name in ("neighbors columns", "common_tracks", "positive", "negative"):
        assert found[name].tolist() == expected[name].tolist()


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


def test_the_entries_of_the_products_are_estimated_from_the_popularity(
    crowd: sparse.csr_array,
) -> None:
    pattern = sparse.csr_array((np.ones(crowd.nnz), crowd.indices, crowd.indptr), crowd.shape)
    products = sparse.csr_array(pattern.T @ pattern)
    paths = np.asarray(products.sum(axis=1))
    estimated = expected_entries(paths, np.bincount(crowd.indices, minlength=crowd.shape[1]))
    assert estimated.sum() == pytest.approx(products.nnz, rel=0.1)
    assert expected_entries(np.zeros(3), np.array([1, 2, 3])).tolist() == [0, 0, 0]


def planned(users: int, tracks: int, interactions: int, **options: Any) -> Plan:
    """The plan for interactions spread evenly."""
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


def test_many_users_of_few_tracks_are_scored_by_products_and_few_users_by_similarity() -> None:
    assert planned(20_000, 500, 400_000, numba=False).way in (BY_PRODUCTS, BY_TILES)
    assert planned(500, 20_000, 10_000, numba=False).way == BY_SIMILARITIES
    for way in WAYS:
        assert planned(500, 20_000, 40_000, way=way).way == way


def test_neither_the_way_nor_the_neighbors_depend_on_the_threads() -> None:
    for sizes in ((300, 400, 4_000), (2_000, 2_000, 40_000), (9_000, 20_000, 90_000)):
        plans = [planned(*sizes, threads=threads) for threads in (1, 2, 3, 8, 64)]
        assert len({(plan.way, plan.compiled, plan.neighbors) for plan in plans}) == 1


def test_products_are_held_whole_only_within_the_memory() -> None:
    assert planned(20_000, 10_000, 400_000, numba=True).way == BY_PRODUCTS
    plan = planned(20_000, 10_000, 400_000, numba=True, memory=130 << 20)
    assert plan.way != BY_PRODUCTS
    assert "; products needs " in plan.reason


def test_neighbors_are_left_out_where_they_cost_more_than_the_scores() -> None:
    assert not planned(20_000, 500, 400_000).neighbors
    assert planned(20_000, 500, 400_000, neighbors=True).neighbors
    assert planned(500, 20_000, 40_000).neighbors


def test_the_plan_keeps_to_the_memory_or_says_how_much_it_needs() -> None:
    wide, narrow = (
        planned(3_000, 20_000, 60_000, way=BY_TILES, memory=m << 20) for m in (900, 100)
    )
    assert wide.tile_width > narrow.tile_width >= 64
    assert wide.block_bytes > narrow.block_bytes
    with pytest.raises(TooLittleMemoryError) as refused:
        planned(3_000, 20_000, 60_000, way=BY_TILES, memory=30 << 20)
    needed = refused.value.needed
    assert planned(3_000, 20_000, 60_000, way=BY_TILES, memory=needed).tile_width == 64


@pytest.fixture(scope="module")
def by_left(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sample, by similarities."""
    folder = tmp_path_factory.mktemp("similarities")
    (folder / "logs").symlink_to(PROJECT / "data")
    return build_folder(folder, plan="similarities")


@pytest.fixture(scope="module")
def by_right(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sample, by products, with neighbors."""
    folder = tmp_path_factory.mktemp("products")
    (folder / "logs").symlink_to(PROJECT / "data")
    return build_folder(folder, plan="products")


@pytest.fixture(scope="module")
def by_tiles(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The sample, by tiles, without neighbors."""
    folder = tmp_path_factory.mktemp("tiles")
    (folder / "logs").symlink_to(PROJECT / "data")
    return build_folder(folder, plan="tiles", store_neighbors=0)


@pytest.mark.parametrize("way", ["by_right", "by_tiles"])
def test_a_build_by_any_way_writes_the_same_json_and_scores(
    by_left: Built, way: str, request: pytest.FixtureRequest
) -> None:
    built: Built = request.getfixturevalue(way)
    assert built.output.read_bytes() == by_left.output.read_bytes()
    query = 'select "user", track, score from recommendations order by "user", "rank"'
    for one, other in zip(built.rows(query), by_left.rows(query), strict=True):
        assert one[:2] == other[:2]
        assert one[2] == pytest.approx(other[2], abs=1e-9)


def test_a_build_by_products_stores_the_same_users_and_neighbors(
    by_left: Built, by_right: Built
) -> None:
    assert by_right.summary.plan == "products"
    for query in ("from users", "from neighbors"):
        assert by_right.rows(query) == by_left.rows(query)


def test_a_build_tells_its_plan_and_what_was_not_computed(by_left: Built, by_tiles: Built) -> None:
    assert (by_left.summary.plan, by_tiles.summary.plan) == ("similarities", "tiles")
    assert by_tiles.summary.plan_reason.endswith("as was asked for")
    assert set(by_tiles.summary.plan_estimates) == {
        "similarities",
        "products",
        "tiles",
        "neighbors",
    }
    ((plan, reason, estimates),) = by_tiles.rows(
        "select plan, plan_reason, plan_estimates from build"
    )
    assert (plan, reason) == ("tiles", by_tiles.summary.plan_reason)
    assert json.loads(estimates) == by_tiles.summary.plan_estimates
    assert by_tiles.summary.mean_positive_neighbors is None
    assert by_tiles.summary.mean_negative_neighbors is None
    assert by_tiles.rows("select count(*), count(positive_neighbors) from users") == [(400, 0)]
    assert by_tiles.rows("select count(*) from neighbors") == [(0,)]


@pytest.mark.parametrize("plan", WAYS)
def test_no_neighbors_are_stored_when_none_are_asked_for_by_any_plan(
    by_left: Built, tmp_path: Path, plan: str
) -> None:
    (tmp_path / "logs").symlink_to(PROJECT / "data")
    built = build_folder(tmp_path, plan=plan, store_neighbors=0)
    assert built.rows("select count(*) from neighbors") == [(0,)]
    assert built.output.read_bytes() == by_left.output.read_bytes()


def test_similar_users_are_the_stored_neighbors_also_where_none_are_stored(
    by_left: Built, by_tiles: Built
) -> None:
    for user in (7, 156, 300):
        stored = by_left.rows(
            f'select neighbor, similarity, common_tracks from neighbors where "user" = {user}'
            ' order by "rank"'
        )
        with ubcf.connect(by_tiles.database) as connection:
            computed = (
                ubcf.query(connection, "similar_users", user=user, k=50)
                .project("neighbor, similarity, common_tracks")
                .fetchall()
            )
        assert [row[::2] for row in computed] == [row[::2] for row in stored]
        assert [row[1] for row in computed] == pytest.approx([row[1] for row in stored], abs=1e-12)


def test_every_command_reads_a_database_without_neighbors(by_tiles: Built, tmp_path: Path) -> None:
    commands: list[list[str | int | Path]] = [
        ["inspect", "user", 7],
        ["explain", 7, 7],
        ["query", "similarity_distribution"],
        ["query", "neighbors_per_user"],
        ["query", "cold_users"],
        ["query", "example_users"],
        ["report", "-o", tmp_path / "report.html"],
        ["diff", by_tiles.database, by_tiles.database],
    ]
    for command in commands:
        place: list[str | int | Path] = [] if command[0] == "diff" else ["-d", by_tiles.database]
        ran = run_ubcf(*[*command, *place], cwd=tmp_path)
        assert ran.returncode == 0, (command, ran.stderr)


def test_the_command_line_says_that_neighbors_were_left_out(tmp_path: Path) -> None:
    ran = run_ubcf(
        "build", PROJECT / "data", "--plan", "tiles", "--store-neighbors", 0, cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stderr
    assert "\nneighbors   not computed" in ran.stdout
    assert "\nplan        tiles" in ran.stdout


def test_too_little_memory_is_refused_with_what_would_do(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    simulated = run_ubcf(
        "simulate", "--users", 300, "--tracks", 80_000, "--events", 240_000, "--out", logs,
        cwd=tmp_path,
    )  # fmt: skip
    assert simulated.returncode == 0, simulated.stderr
    (logs / "tracks.json").unlink()
    ran = run_ubcf("build", logs, "--plan", "tiles", "--memory-limit", "256MiB", cwd=tmp_path)
    assert ran.returncode == 2
    assert not (tmp_path / "ubcf.duckdb").exists()
    refused = re.fullmatch(
        r"ubcf: error: memory_limit is 256 MiB; the scores of 300 users x [0-9,]+ tracks need at"
        r" least ([0-9]+MiB)\n",
        ran.stderr,
    )
    assert refused, ran.stderr
    again = run_ubcf("build", logs, "--plan", "tiles", "--memory-limit", refused[1], cwd=tmp_path)
    assert again.returncode == 0, again.stderr
