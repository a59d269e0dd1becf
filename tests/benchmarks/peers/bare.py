"""The lower bound: the same lists from bare duckdb, numpy and scipy, keeping no tables.

    python tests/benchmarks/peers/bare.py LOGS_DIR OUTPUT_JSON

No rejected lines, no checks, no database, no statistics, no order among equal scores, and the
scores of a block are held whole: what is left is the cost of the work itself. The lists have
the score sequences of ubcf's: positive scores, then zero (popular tracks first), then negative.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from lists import read_centered, top_lists, unit_rows, without_noise, write_lists

THREADS = 2


def main(logs_dir: str, output_json: str) -> None:
    """Turn the logs below `logs_dir` into one line of recommendations a user."""
    users, tracks, matrix = read_centered(logs_dir)
    unit = unit_rows(matrix)
    transposed = unit.T.tocsr()

    def block_lists(start: int, stop: int) -> np.ndarray:
        similarity = unit[start:stop] @ transposed
        own = np.repeat(np.arange(start, stop), np.diff(similarity.indptr)) == similarity.indices
        similarity.data[own] = 0
        return top_lists(without_noise(without_noise(similarity) @ matrix))

    edges = np.linspace(0, len(users), 4 * THREADS + 1).astype(int)
    with ThreadPoolExecutor(THREADS) as pool:
        blocks = list(pool.map(block_lists, edges[:-1], edges[1:]))
    write_lists(output_json, users, tracks, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
