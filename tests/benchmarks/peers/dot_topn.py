"""sparse_dot_topn with the right-hand identity: S R = X (X^T R) - D R, two threads.

    python tests/benchmarks/peers/dot_topn.py LOGS_DIR OUTPUT_JSON

X is R with its rows scaled to length 1, D is 1 for users with a non-empty row: D R is what a
user would contribute to its own scores. A product that keeps only the best cannot subtract
afterwards, so the subtraction is made a part of it, by block matrices:

    X (X^T R) - D R = [X, -D] ([X^T; 1] R)

All neighbors, exact, with one exception that does not show in the scores along the lists to
1e-9: single similarities below 1e-12, which are 0 by definition, are never seen and count here.
Users with fewer than LIST_LENGTH positive scores need zero and negative ones too, which the
top-n product does not tell apart from none: their rows are computed again, whole, by scipy
(sp_matmul of some rows of `left` gives wrong products in version 1.2.0, or crashes).
"""

import sys

import numpy as np
from lists import (
    BLOCK_USERS,
    LIST_LENGTH,
    NOISE,
    read_centered,
    top_lists,
    unit_rows,
    without_noise,
    write_lists,
)
from scipy import sparse
from sparse_dot_topn import sp_matmul, sp_matmul_topn

THREADS = 2


def main(logs_dir: str, output_json: str) -> None:
    """Turn the logs below `logs_dir` into one line of recommendations a user."""
    users, tracks, matrix = read_centered(logs_dir)
    unit = unit_rows(matrix)
    nonempty = np.diff(matrix.indptr) > 0
    left = sparse.csr_matrix(sparse.hstack([unit, sparse.diags_array(-1.0 * nonempty)]))
    transposed = sparse.vstack([unit.T, sparse.eye_array(len(users))])
    right = sp_matmul(sparse.csr_matrix(transposed), sparse.csr_matrix(matrix), n_threads=THREADS)

    length = min(LIST_LENGTH, len(tracks))
    best = sp_matmul_topn(left, right, length, threshold=NOISE, sort=True, n_threads=THREADS)
    counts = np.diff(best.indptr)
    lists = np.empty((len(users), length), dtype=np.int32)
    lists[counts == length] = best.indices[np.repeat(counts == length, counts)].reshape(-1, length)

    short = np.flatnonzero(counts < length)
    for start in range(0, len(short), BLOCK_USERS):
        block = short[start : start + BLOCK_USERS]
        lists[block] = top_lists(without_noise(sparse.csr_array(left[block] @ right)))
    write_lists(output_json, users, tracks, [lists])


if __name__ == "__main__":
    main(*sys.argv[1:])
