"""The kernels give the numbers of numpy, to the bit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support import reference
from tests.support.dense import EVERY_OPTION, NOTHING, check_against_dense
from tests.support.examples import examples
from tests.support.implementations import needs_numba
from tests.support.matrices import LEVELS, centered_times, crowd
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices, own_terms_of
from ubcf.scoring.options import BY_SIMILARITIES, Neighborhood
from ubcf.scoring.pairs import predict_deviations, score_pairs
from ubcf.scoring.planner import Plan
from ubcf.scoring.ranking import ListOptions
from ubcf.scoring.similarity import nearest_weights, weights
from ubcf.scoring.walk import weights_function

# Compiling the kernels of similarities and pairs takes half a minute in a new environment.
pytestmark = [needs_numba, pytest.mark.slow]

SOME_NEIGHBORHOODS = (
    Neighborhood(),
    Neighborhood(10),
    Neighborhood(30, 25.0),
    Neighborhood(5, 3.0, 0.1, 2),
    Neighborhood(20, 10.0, overlap=True),
    Neighborhood(None, 1.0, -0.3, overlap=True),
)


@examples(150)
@given(
    logs=centered_times(),
    neighbors=EVERY_OPTION["neighbors"],
    chosen=st.fixed_dictionaries({}, optional=EVERY_OPTION),
)
def test_numba_finds_the_nearest_users_of_the_reference(
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]], neighbors: int, chosen: dict[str, Any]
) -> None:
    plan = Plan(BY_SIMILARITIES, True, True, 1, 1, 1 << 26, {}, "")
    options = replace(NOTHING, **{**chosen, "neighbors": neighbors})
    check_against_dense(*logs, options, plan)


def test_numba_on_two_threads_predicts_and_scores_pairs_of_many_users_to_the_bit() -> None:
    random = np.random.default_rng(9)
    matrices = crowd(random)
    users, tracks = np.sort(random.integers(3_000, size=2_000)), random.integers(200, size=2_000)
    for options in SOME_NEIGHBORHOODS:
        pairs = matrices, options, users, tracks
        by_numpy = predict_deviations(*pairs, damping=0.1)
        by_numba = predict_deviations(*pairs, damping=0.1, threads=2, compiled=True)
        assert np.array_equal(by_numpy.support, by_numba.support)
        assert np.array_equal(by_numpy.deviation, by_numba.deviation)
        numpy_scores, numba_scores = (
            score_pairs(
                matrices,
                weights_function(matrices, options, None, compiled=compiled),
                users,
                tracks,
                threads=1 + compiled,
            )
            for compiled in (False, True)
        )
        assert np.array_equal(numpy_scores, numba_scores)


def test_numba_takes_the_nearest_of_many_listeners_also_at_the_edge_of_equality() -> None:
    from ubcf.scoring.kernels.pairs import _take_nearest
    from ubcf.scoring.kernels.similarity import ABOVE_ZERO

    random = np.random.default_rng(4)
    near = random.random(300)
    # Pairs that are 1e-10 apart, up to rounding; and many weights, half of them equal.
    rows = [np.array([weight - 1e-10, weight]) for weight in near]
    rows += [np.round(random.normal(size=size), 2) for size in random.integers(1, 900, size=100)]
    for weights_of_row in rows:
        for wanted in (1, 10, 30):
            indexes, found = np.empty(900, dtype=np.int32), np.empty(900)
            everyone = np.arange(len(weights_of_row), dtype=np.int32)
            count = _take_nearest(everyone, weights_of_row, wanted, ABOVE_ZERO, indexes, found)
            expected = reference.nearest(dict(enumerate(weights_of_row.tolist())), wanted)
            assert (
                dict(zip(indexes[:count].tolist(), found[:count].tolist(), strict=True)) == expected
            )


def test_numba_gives_the_weights_of_scipy_to_the_bit_among_many_users() -> None:
    matrices = crowd(np.random.default_rng(8))
    users = np.arange(100, 700)
    for options in SOME_NEIGHBORHOODS:
        by_numpy = weights(matrices, options, users, compiled=False)
        by_numba = weights(matrices, options, users, compiled=True)
        by_numpy.sort_indices()
        assert np.array_equal(by_numpy.indptr, by_numba.indptr)
        assert np.array_equal(by_numpy.indices, by_numba.indices)
        assert np.array_equal(by_numpy.data, by_numba.data)


@pytest.mark.parametrize("tracks", [2**16 - 1, 2**16])
def test_numba_counts_more_tracks_in_common_than_16_bits_hold(tracks: int) -> None:
    # Two users heard all tracks; the times of the second are in turn greater and smaller.
    rows, columns = np.repeat([0, 1], tracks), np.tile(np.arange(tracks), 2)
    times = np.concatenate([np.ones(tracks), np.tile([1.5, 0.5], tracks)[:tracks]])
    matrices = ModelMatrices.of(rows, columns, times, (2, tracks))
    (weight,) = weights(matrices, Neighborhood(1, shrinkage=25), np.arange(1), compiled=True).data
    cosine = times[:tracks] @ times[tracks:]
    cosine /= np.sqrt(tracks * (times[tracks:] @ times[tracks:]))
    assert weight == pytest.approx(cosine * tracks / (tracks + 25), rel=1e-12)


@pytest.mark.parametrize("step", [0.4e-10, 3e-10])
def test_numba_takes_the_nearest_of_a_long_chain_of_equals(step: float) -> None:
    # Similarities to the first user fall by `step` from one to the next: far below what single
    # precision tells apart. In steps of 4e-11 all of them are equal, and the smaller index counts.
    others = 400
    slopes = 1 + np.arange(others) * step * 2  # the cosine of (1, 0) and (1, x) falls by half
    random = np.random.default_rng(3)
    slopes = np.concatenate([[0.0], random.permutation(slopes)])
    rows = np.repeat(np.arange(others + 1), 2)
    columns = np.tile([0, 1], others + 1)
    times = np.stack([np.ones(others + 1), slopes], axis=1).ravel()
    matrices = ModelMatrices.of(rows, columns, times, (others + 1, 2))
    first = np.arange(1)
    for options in (Neighborhood(10), Neighborhood(10, 2.0)):
        by_numpy = weights(matrices, options, first, compiled=False)
        by_numba = weights(matrices, options, first, compiled=True)
        assert np.array_equal(by_numpy.toarray(), by_numba.toarray())
        nearest = np.arange(1, 11) if step < 1e-10 else np.sort(1 + np.argsort(slopes[1:])[:10])
        assert by_numba.indices.tolist() == nearest.tolist()


def test_numba_takes_the_nearest_among_very_many_equal_neighbors() -> None:
    """Every user plays track 0, and every third user track 1 too: two values of the cosine."""
    users = np.arange(600)
    of_both = users[::3]
    matrices = ModelMatrices.of(
        np.concatenate([users, of_both]),
        np.concatenate([0 * users, 0 * of_both + 1]),
        np.ones(len(users) + len(of_both)),
        (600, 2),
    )
    neighborhood = Neighborhood(10)
    some = np.arange(20)
    by_numba, _ = nearest_weights(matrices, neighborhood, some)
    by_scipy = weights(matrices, neighborhood, some)
    assert (by_numba != by_scipy).nnz == 0
    assert by_numba[[1]].indices.tolist() == [2, 4, 5, 7, 8, 10, 11, 13, 14, 16]


@pytest.mark.parametrize("own_liking", [0.0, 0.5])
def test_numba_ranks_few_scores_among_many_tracks_as_scipy_does(own_liking: float) -> None:
    random = np.random.default_rng(5)
    users, tracks = 400, 6_000
    rows = np.repeat(np.arange(users), 12)
    columns = np.minimum(random.zipf(1.3, len(rows)) - 1, tracks - 1)
    rows, columns = np.unique(np.stack([rows, columns]), axis=1)
    times = random.choice(LEVELS, len(rows))
    matrices = ModelMatrices.of(
        rows, columns, times, (users, tracks), own_terms=own_terms_of(times, own_liking)
    )
    by_numpy, by_numba = (
        score_users(
            matrices,
            ListOptions(20, 5),
            Plan(BY_SIMILARITIES, compiled, True, 1, 1, 1 << 26, {}, ""),
            neighborhood=Neighborhood(40),
        )
        for compiled in (False, True)
    )
    for ours, expected in zip(by_numba, by_numpy, strict=True):
        assert np.array_equal(ours.positive_scores, expected.positive_scores)
        assert np.array_equal(ours.recommendations.columns, expected.recommendations.columns)
        assert np.array_equal(ours.recommendations.values, expected.recommendations.values)
        assert np.array_equal(ours.neighbors.columns, expected.neighbors.columns)


def test_rows_of_a_matrix_are_added_to_sums_each_times_its_factor() -> None:
    from ubcf.scoring.kernels.selection import compiled
    from ubcf.scoring.kernels.vectors import LANES, add_rows

    @compiled
    def added(
        matrix: NDArray[np.int16],
        rows: NDArray[np.int32],
        factors: NDArray[np.float32],
        count: int,
        sums: NDArray[np.float32],
    ) -> float:
        return add_rows(
            matrix.ctypes.data, rows.ctypes.data, factors.ctypes.data, count, sums.ctypes.data
        )

    random = np.random.default_rng(3)
    matrix = random.integers(-32_767, 32_768, (5, LANES), dtype=np.int16)
    rows = np.array([3, 0, 3, 4], dtype=np.int32)
    # Powers of 2, and sums of fewer than 24 bits: nothing is rounded.
    factors = np.array([0.5, -2, 1, 0.25], dtype=np.float32)
    before = random.integers(-8, 8, LANES).astype(np.float32)
    for count in range(5):
        sums = before.copy()
        greatest = added(matrix, rows, factors, count, sums)
        expected = before + factors[:count] @ matrix[rows[:count]].astype(np.float64)
        assert sums.tolist() == expected.tolist()
        assert greatest == expected.max()
