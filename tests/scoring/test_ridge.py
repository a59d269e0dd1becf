"""The ridge over users: weights from one inverse, and of single users, against dense numpy."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from tests.support import reference
from ubcf.scoring.inverse import TILE, Tiles, columns_of, invert_negatively
from ubcf.scoring.ridge import RidgeWeights, ridge_weights_of_user

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
