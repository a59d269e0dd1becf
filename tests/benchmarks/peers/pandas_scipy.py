"""pandas and scipy, written plainly: what one writes when the dense notebook no longer fits.

    python tests/benchmarks/peers/pandas_scipy.py LOGS_DIR OUTPUT_JSON

All neighbors, exact. Users go in blocks, since all of S = X X^T and of S R would not fit: the
block's rows of S are sparse, its scores are made dense, and argpartition picks from whole rows.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from lists import BLOCK_USERS, NOISE, TIME_NOISE, best_columns, write_lists
from scipy import sparse


def main(logs_dir: str, output_json: str) -> None:
    """Turn the logs below `logs_dir` into one line of recommendations a user."""
    paths = sorted(Path(logs_dir).rglob("data.json*"))
    events = pd.concat(
        [pd.read_json(path, lines=True)[["user", "track", "time"]] for path in paths]
    )

    events["centered"] = events["time"] - events.groupby("user")["time"].transform("mean")
    centered = events.groupby(["user", "track"])["centered"].mean().reset_index()
    rows, users = pd.factorize(centered["user"], sort=True)
    cols, tracks = pd.factorize(centered["track"], sort=True)
    matrix = sparse.csr_array(
        (centered["centered"].to_numpy(), (rows, cols)), shape=(len(users), len(tracks))
    )
    matrix.data[np.abs(matrix.data) < TIME_NOISE] = 0

    norms = np.sqrt(matrix.power(2).sum(axis=1))
    norms[norms == 0] = 1
    unit = sparse.csr_array(sparse.diags_array(1 / norms) @ matrix)

    blocks = []
    for start in range(0, len(users), BLOCK_USERS):
        similarity = (unit[start : start + BLOCK_USERS] @ unit.T).tocoo()
        own = similarity.col == similarity.row + start
        similarity.data[own | (np.abs(similarity.data) < NOISE)] = 0
        blocks.append(best_columns((similarity.tocsr() @ matrix).toarray()))
    write_lists(output_json, np.asarray(users), np.asarray(tracks), blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
