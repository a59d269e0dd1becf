"""The ridge over users: the row of each user in R, explained by the rows of all others.

The weights w(u, v) of a user u are the coefficients of a ridge regression. They minimize

    |R(u) - sum over v of w(u, v) R(v)|^2 + lambda * (sum over v of w(u, v)^2),  v other than u.

With G = R R' and K = (G + lambda I)^-1 they are w(u, v) = -K(u, v) / K(u, u), for all users at
once. The same over tracks is EASE: H. Steck, "Embarrassingly shallow autoencoders for sparse data",
WWW 2019.

`RidgeWeights` has the weights of all users, from one inverse, users x users. The weights of one
user need no such matrix: `ridge_weights_of_user`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import sparse

from ubcf.scoring.inverse import TILE, Tiles, columns_of, invert_negatively, tile_count
from ubcf.scoring.matrices import FloatArray, Indexes
from ubcf.scoring.parallel import do_all

# The weights of one user are off by at most this, as a Euclidean norm; or, if a bound of their own
# norm is below 1, by this share of it.
WEIGHTS_ERROR = 1e-12

# In exact arithmetic, as many iterations as there are users always suffice.
MOST_ITERATIONS_PER_USER = 20


class RidgeWeights:
    """The weights of all users for all users, in about users^2 / 2 numbers."""

    def __init__(
        self,
        interactions: sparse.csr_array,
        by_track: sparse.csr_array,
        ridge: float,
        pool: ThreadPoolExecutor,
        advance: Callable[[float], None] = lambda _share: None,
    ) -> None:
        """Computes them on the threads of the pool.

        interactions: R, users x tracks. by_track: its transpose. ridge: lambda, above 0. advance:
        as for `invert_negatively`.
        """
        self._users = int(interactions.shape[0])
        self._tiles = _gram_tiles(interactions, by_track, ridge, pool)
        invert_negatively(self._tiles, pool, advance)
        diagonals = [np.diagonal(row[-1]) for row in self._tiles]
        self._negative_diagonal = np.concatenate(diagonals)[: self._users]

    def columns(self, users: Indexes) -> FloatArray:
        """w(u, v) for some users u, ascending, and all users v: all users x len(users).

        w(u, u) is 0. So are, exactly, the weights of users whom no chain of tracks connects.
        """
        weights = columns_of(self._tiles, users)[: self._users]
        weights /= -self._negative_diagonal[users]
        weights[users, np.arange(len(users))] = 0.0
        return weights


def _gram_tiles(
    interactions: sparse.csr_array,
    by_track: sparse.csr_array,
    ridge: float,
    pool: ThreadPoolExecutor,
) -> Tiles:
    """G + lambda I in tiles; what they have beyond the users is from a unit matrix."""
    users = int(interactions.shape[0])
    count = tile_count(users)
    tiles: Tiles = [[np.zeros((TILE, TILE)) for _ in range(row + 1)] for row in range(count)]

    def fill(row: int) -> None:
        start, stop = row * TILE, min((row + 1) * TILE, users)
        products = (interactions[start:stop] @ by_track)[:, :stop].toarray()
        for column, tile in enumerate(tiles[row]):
            band = products[:, column * TILE : (column + 1) * TILE]
            tile[: band.shape[0], : band.shape[1]] = band
        diagonal = np.einsum("ii->i", tiles[row][row])
        diagonal[: stop - start] += ridge
        diagonal[stop - start :] = 1.0

    do_all(pool, fill, range(count))
    return tiles


def ridge_weights_of_users(
    interactions: sparse.csr_array, users: Indexes, ridge: float
) -> sparse.csr_array:
    """w(u, v) of a few users u for all users v, one user after the other: len(users) x users."""
    rows = [ridge_weights_of_user(interactions, int(user), ridge) for user in users]
    return sparse.csr_array(np.array(rows))


def ridge_weights_of_user(interactions: sparse.csr_array, user: int, ridge: float) -> FloatArray:
    """w(u, v) of one user u for all users v: shape (users,).

    interactions: R, users x tracks. Solves the ridge regression by conjugate gradients: M.
    Hestenes and E. Stiefel, "Methods of conjugate gradients for solving linear systems", Journal of
    Research of the National Bureau of Standards 49 (1952). Each of some dozens of iterations takes
    two products of R with a vector.
    """
    users = int(interactions.shape[0])
    by_track = interactions.T
    squares = np.asarray(interactions.power(2).sum(axis=1)).ravel()
    scales = 1.0 / (squares + ridge)
    scales[user] = 0.0  # the user does not explain itself
    weights = np.zeros(users)
    residual = interactions @ interactions[[user]].toarray().ravel()
    residual[user] = 0.0
    # An error e of the weights leaves a residual of at least lambda |e|.
    most = WEIGHTS_ERROR * min(ridge, math.sqrt(_dot(residual, residual)))
    direction = scales * residual
    progress = _dot(residual, direction)
    for _ in range(MOST_ITERATIONS_PER_USER * users):
        if math.sqrt(_dot(residual, residual)) <= most:
            break
        product = interactions @ (by_track @ direction) + ridge * direction
        product[user] = 0.0
        step = progress / _dot(direction, product)
        weights += step * direction
        residual -= step * product
        scaled = scales * residual
        previous, progress = progress, _dot(residual, scaled)
        direction = scaled + progress / previous * direction
    return weights


def _dot(left: FloatArray, right: FloatArray) -> float:
    """The inner product; that of BLAS depends on its number of threads."""
    return float(np.sum(left * right))
