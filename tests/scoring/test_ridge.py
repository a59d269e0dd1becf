"""The ridge over users: weights from one inverse, and of single users, against dense numpy."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from tests.support import reference
from tests.support.blocks import collect_arrays
from tests.support.dense import NOTHING, check_against_dense, matrices_of
from tests.support.examples import examples
from tests.support.matrices import centered_times
from ubcf.scoring.costs import Work
from ubcf.scoring.inverse import TILE, Tiles, columns_of, invert_negatively
from ubcf.scoring.lists import score_users
from ubcf.scoring.matrices import ModelMatrices
from ubcf.scoring.options import ALL_USERS
from ubcf.scoring.pairs import score_pairs
from ubcf.scoring.planner import TooLittleMemoryError, plan_ridge
from ubcf.scoring.ranking import ListOptions
from ubcf.scoring.ridge import RidgeWeights, ridge_weights_of_user
from ubcf.scoring.similarity import greatest_in_magnitude
from ubcf.scoring.walk import weights_function

# 1 and 3 tiles, the last one full, nearly empty or in between.
SIZES = (1, 7, TILE, TILE + 1, 2 * TILE + 90)


def listeners(users: int, tracks: int = 150) -> NDArray[np.float64]:
    """R of random users: with ties, negative values, users without any and users alone."""
    random = np.random.default_rng(users)
    values = random.choice([-0.25, 0.25, 0.5, 0.5, 1.5], size=(users, tracks))
    values *= random.random((users, tracks)) < 0.1
    values[1::7] = values[1:2]  # some users have the same row
    values[:, 0] = 0.0
    values[3:4] = 0.0
    values[3:4, 0] = 0.5  # nobody else has heard what this one has
    values[::5] = 0.0  # such as users whose times are all equal
    return values


def weights_of_all(values: NDArray[np.float64], ridge: float, threads: int = 2) -> RidgeWeights:
    interactions = sparse.csr_array(values)
    with ThreadPoolExecutor(threads) as pool:
        return RidgeWeights(interactions, sparse.csr_array(interactions.T.tocsr()), ridge, pool)


@pytest.mark.parametrize("size", [TILE, 3 * TILE])
def test_the_inverse_is_that_of_numpy(size: int) -> None:
    random = np.random.default_rng(size)
    factor = random.standard_normal((size, 2 * size))
    matrix = factor @ factor.T / size
    tiles: Tiles = [
        [
            matrix[row : row + TILE, column : column + TILE].copy()
            for column in range(0, row + TILE, TILE)
        ]
        for row in range(0, size, TILE)
    ]
    shares: list[float] = []
    with ThreadPoolExecutor(2) as pool:
        invert_negatively(tiles, pool, shares.append)
    assert sum(shares) == pytest.approx(1.0)
    chosen = np.unique(random.integers(0, size, 70))
    expected = -np.linalg.inv(matrix)
    assert np.abs(columns_of(tiles, chosen) - expected[:, chosen]).max() < 1e-11


@pytest.mark.parametrize("ridge", [0.5, 100.0])
@pytest.mark.parametrize("users", SIZES)
def test_the_weights_of_all_users_are_those_of_a_dense_inverse(users: int, ridge: float) -> None:
    values = listeners(users)
    expected = reference.ridge_weights(values, ridge)
    found = weights_of_all(values, ridge).columns(np.arange(users))
    assert np.abs(found.T - expected).max() < 1e-12
    # Exactly 0 for the user itself, for users without interactions, and between users apart.
    assert np.all(np.diagonal(found) == 0)
    assert np.all(found[::5] == 0)
    assert np.all(found[:, ::5] == 0)
    assert np.all(found[3:4] == 0)


@pytest.mark.parametrize("ridge", [0.5, 100.0])
def test_the_weights_of_one_user_are_the_same(ridge: float) -> None:
    values = listeners(80)
    expected = reference.ridge_weights(values, ridge)
    for user in range(80):
        found = ridge_weights_of_user(sparse.csr_array(values), user, ridge)
        assert np.abs(found - expected[user]).max() < 1e-12


def test_small_weights_of_one_user_are_as_exact_as_great_ones() -> None:
    values = listeners(80)
    expected = reference.ridge_weights(values, 1e6)[8]
    found = ridge_weights_of_user(sparse.csr_array(values), 8, 1e6)
    assert 0 < np.abs(expected).max() < 1e-5
    assert np.abs(found - expected).max() < 1e-11 * np.abs(expected).max()


def test_the_weights_explain_the_row_of_a_user_by_the_others() -> None:
    """By least squares: the ridge as one more row of sqrt(lambda) for each weight."""
    values, ridge, user = listeners(40), 2.0, 8
    others = np.delete(np.arange(40), user)
    rows = np.vstack([values[others].T, np.sqrt(ridge) * np.eye(39)])
    sought = np.concatenate([values[user], np.zeros(39)])
    expected = np.linalg.lstsq(rows, sought)[0]
    found = weights_of_all(values, ridge).columns(np.array([user])).ravel()
    assert np.abs(found[others] - expected).max() < 1e-12


def test_neither_threads_nor_those_of_blas_nor_blocks_change_a_byte() -> None:
    code = """
import hashlib, sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from scipy import sparse
from ubcf.scoring.ridge import RidgeWeights
random = np.random.default_rng(1)
values = sparse.csr_array(random.random((602, 150)) * (random.random((602, 150)) < 0.1))
with ThreadPoolExecutor(int(sys.argv[1])) as pool:
    weights = RidgeWeights(values, sparse.csr_array(values.T.tocsr()), 100.0, pool)
whole = weights.columns(np.arange(602))
parts = [weights.columns(np.arange(start, min(start + 97, 602))) for start in range(0, 602, 97)]
assert np.array_equal(whole, np.hstack(parts))
print(hashlib.md5(whole.tobytes()).hexdigest())
"""
    found = set()
    for threads, of_blas in ((1, "1"), (3, "1"), (2, "4")):
        done = subprocess.run(
            [sys.executable, "-c", code, str(threads)],
            capture_output=True,
            text=True,
            check=True,
            env={"OPENBLAS_NUM_THREADS": of_blas, "MKL_NUM_THREADS": of_blas},
        )
        found.add(done.stdout)
    assert len(found) == 1


RIDGES = st.fixed_dictionaries(
    {"ridge": st.sampled_from([0.5, 3.0, 100.0]), "offset": st.sampled_from([0.0, 0.25, 0.5])},
    optional={"own_liking": st.just(0.03)},
)


@examples(100)
@given(logs=centered_times(), chosen=RIDGES)
def test_scores_and_lists_of_a_ridge_are_those_of_the_dense_computation(
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]], chosen: dict[str, Any]
) -> None:
    """Neighbors and their counts stay those of the full cosines."""
    check_against_dense(*logs, replace(NOTHING, **chosen))


@examples(50)
@given(logs=centered_times(), chosen=RIDGES)
def test_scores_of_pairs_are_those_of_the_dense_computation(
    logs: tuple[NDArray[np.float64], NDArray[np.bool_]], chosen: dict[str, Any]
) -> None:
    centered, heard = logs
    options = replace(NOTHING, **chosen)
    counted = reference.counted_times(centered, heard, options.offset)
    expected = reference.option_scores(centered, counted, counted, options)
    matrices = matrices_of(centered, heard, options)
    weights_of = weights_function(matrices, ALL_USERS, None, options.ridge)
    users, tracks = (each.ravel() for each in np.indices(heard.shape))
    found = score_pairs(matrices, weights_of, users, tracks)
    assert np.abs(found.reshape(heard.shape) - expected).max() < 1e-12


def test_blocks_and_threads_change_no_bit_of_a_list() -> None:
    matrices = ModelMatrices(sparse.csr_array(listeners(300)))
    lists = ListOptions(20, 5)
    found = [
        collect_arrays(
            score_users(
                matrices, lists, ridge=100.0, threads=threads, memory=memory, most_users=most_users
            )
        )
        for threads, memory, most_users in ((1, 1 << 30, 512), (2, 1 << 30, 7), (3, 1 << 20, 512))
    ]
    for other in found[1:]:
        assert all(np.array_equal(found[0][name], other[name]) for name in other)


def test_the_greatest_weights_are_kept_whatever_their_sign() -> None:
    weights = sparse.csr_array(np.array([[0.0, 0.5, -0.25, 0.125, -0.5], [0.0, 0.0, 0.0, 0.0, -1]]))
    assert greatest_in_magnitude(weights, 2).toarray().tolist() == [
        [0.0, 0.5, 0.0, 0.0, -0.5],
        [0.0, 0.0, 0.0, 0.0, -1.0],
    ]
    assert greatest_in_magnitude(weights, 3).toarray()[0].tolist() == [0.0, 0.5, -0.25, 0.0, -0.5]


def test_a_plan_knows_the_memory_for_half_of_users_x_users() -> None:
    work = replace(Work.of(sparse.csr_array(listeners(20)), 10), users=10_000)
    plan = plan_ridge(work, threads=2, memory=1 << 30)
    ((_, estimate), _) = plan.estimates.items()
    assert 10_000**2 / 2 * 8 < estimate.bytes < 0.6e9
    with pytest.raises(TooLittleMemoryError) as refused:
        plan_ridge(work, threads=2, memory=estimate.bytes - 1)
    assert refused.value.needed == estimate.bytes
