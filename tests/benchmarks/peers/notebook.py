"""The reference's way: a pandas and scikit-learn notebook, written down as a script.

    python tests/benchmarks/peers/notebook.py LOGS_DIR OUTPUT_JSON

Everything is dense, users x tracks and users x users, as in the notebook: about 10 GB for
9,000 users and 35,000 tracks. It is here to be compared with, not to be improved.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics.pairwise import cosine_similarity

LIST_LENGTH = 100


def main(logs_dir: str, output_json: str) -> None:
    """Turn the logs below `logs_dir` into one line of recommendations a user."""
    paths = sorted(Path(logs_dir).rglob("data.json*"))
    events = pd.concat([pd.read_json(path, lines=True) for path in paths])

    events["centered"] = events["time"] - events.groupby("user")["time"].transform("mean")
    matrix = events.pivot_table(
        index="user", columns="track", values="centered", aggfunc="mean"
    ).fillna(0)
    print("shape", matrix.shape)
    print("density", (matrix.values != 0).sum() / matrix.size)

    similarity = cosine_similarity(matrix.values)
    np.fill_diagonal(similarity, 0)
    print("mean positive neighbors", (similarity > 0).sum(axis=1).mean())
    print("mean negative neighbors", (similarity < 0).sum(axis=1).mean())

    scores = similarity @ matrix.values
    tracks = matrix.columns.values
    with Path(output_json).open("w") as output:
        for user, row in zip(matrix.index, scores, strict=True):
            best = tracks[np.argsort(-row)[:LIST_LENGTH]]
            output.write(json.dumps({"user": int(user), "tracks": best.tolist()}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
