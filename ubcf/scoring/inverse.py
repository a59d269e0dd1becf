"""The inverse of a large symmetric, positive definite matrix, in place and on all threads.

The matrix is kept in square tiles, and of these only the lower triangle: half of the memory. The
result is the same, to the byte, whatever the number of threads, of the pool and of BLAS.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ubcf.scoring.matrices import FloatArray, Indexes
from ubcf.scoring.parallel import do_all, one_blas_thread

# Rows and columns of a tile. BLAS computes a product of two such tiles in one way, whatever the
# number of its threads: it splits no sum of so few terms, and 256 is a multiple of the blocks of
# its loops, so that no edge is left for other loops.
TILE = 256

# tiles[i][j], for j up to i, has the rows of tile i and the columns of tile j.
Tiles = list[list[FloatArray]]


def tile_count(size: int) -> int:
    """The number of tiles in a column of a matrix with this many rows."""
    return -(-size // TILE)


def inverse_bytes(size: int) -> int:
    """The bytes of the tiles of a matrix with this many rows, and of inverting it."""
    count = tile_count(size)
    triangle = count * (count + 1) // 2
    # Each tile of the column of the pivot is there twice more while the others are updated.
    return (triangle + 2 * count) * TILE**2 * np.dtype(np.float64).itemsize


def invert_negatively(
    tiles: Tiles, pool: ThreadPoolExecutor, advance: Callable[[float], None] = lambda _share: None
) -> None:
    """Replaces a positive definite matrix A by -A^-1, in place, on the threads of the pool.

    The sweep operator, a tile of rows and columns at a time: J. Goodnight, "A tutorial on the SWEEP
    operator", The American Statistician 33 (1979). It takes as many operations as a Cholesky
    decomposition and the inverse from it, and needs as little pivoting. advance: called with the
    share of the work done since the last call; all shares add up to 1.
    """
    with one_blas_thread():
        for pivot in range(len(tiles)):
            _sweep_tile(tiles, pivot, pool)
            advance(1 / len(tiles))


def _sweep_tile(tiles: Tiles, pivot: int, pool: ThreadPoolExecutor) -> None:
    """Sweeps the rows and columns of one tile.

    With P the tile of the pivot, and C the others in its column, in turn: P becomes -P^-1, C
    becomes C P^-1, and C P^-1 C' is subtracted from all others.
    """
    others = [row for row in range(len(tiles)) if row != pivot]
    column = {row: _tile(tiles, row, pivot) for row in others}
    tiles[pivot][pivot] = swept = _swept(tiles[pivot][pivot])
    scaled: dict[int, FloatArray] = {}

    def scale(row: int) -> None:
        scaled[row] = column[row] @ swept

    def update(row: int) -> None:
        product = np.empty((TILE, TILE))
        for other in others:
            if other <= row:
                np.matmul(scaled[row], column[other].T, out=product)
                tiles[row][other] += product

    do_all(pool, scale, others)
    # The last rows have most tiles: they go first, so that the threads end together.
    do_all(pool, update, reversed(others))
    for row in others:
        if row > pivot:
            tiles[row][pivot] = -scaled[row]
        else:
            tiles[pivot][row] = np.ascontiguousarray(-scaled[row].T)


def _swept(tile: FloatArray) -> FloatArray:
    """-A^-1 of a tile, a row and column at a time: sums of LAPACK depend on the threads of BLAS."""
    swept, product = tile.copy(), np.empty_like(tile)
    for pivot in range(len(tile)):
        row, diagonal = swept[pivot].copy(), swept[pivot, pivot]
        scaled = swept[:, pivot] / diagonal
        swept -= np.multiply.outer(scaled, row, out=product)
        swept[:, pivot] = scaled
        swept[pivot] = row / diagonal
        swept[pivot, pivot] = -1.0 / diagonal
    return swept


def _tile(tiles: Tiles, row: int, column: int) -> FloatArray:
    """A tile of the whole matrix."""
    return tiles[row][column] if column <= row else tiles[column][row].T


def columns_of(tiles: Tiles, columns: Indexes) -> FloatArray:
    """Some columns of the whole matrix, ascending: rows x len(columns)."""
    found = np.empty((len(tiles) * TILE, len(columns)))
    edges = np.searchsorted(columns, np.arange(len(tiles) + 1) * TILE)
    for tile in np.flatnonzero(np.diff(edges)):
        inside = slice(edges[tile], edges[tile + 1])
        offsets = columns[inside] - tile * TILE
        for row in range(len(tiles)):
            band = slice(row * TILE, (row + 1) * TILE)
            found[band, inside] = _tile(tiles, row, int(tile))[:, offsets]
    return found
