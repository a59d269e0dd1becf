"""irspack's user kNN, CosineUserKNNRecommender, on the centered times.

    python tests/benchmarks/peers/irspack_knn.py LOGS_DIR OUTPUT_JSON

It is asked for as many neighbors as there are users, so the scores are ours, exactly; what it
costs is that all similarities, users x users, are held at once. irspack adds 1e-6 to the product
of two norms, which shows in the eighth digit of a score: hence SCALE, which no ranking sees.
"""

import sys

from irspack import CosineUserKNNRecommender
from lists import BLOCK_USERS, best_columns, read_centered, write_lists
from scipy import sparse

SCALE = 2.0**20
THREADS = 2


def main(logs_dir: str, output_json: str) -> None:
    """Turn the logs below `logs_dir` into one line of recommendations a user."""
    users, tracks, matrix = read_centered(logs_dir)
    recommender = CosineUserKNNRecommender(
        sparse.csr_matrix(matrix * SCALE), top_k=len(users), n_threads=THREADS
    ).learn()
    blocks = [
        best_columns(recommender.get_score_block(start, min(start + BLOCK_USERS, len(users))))
        for start in range(0, len(users), BLOCK_USERS)
    ]
    write_lists(output_json, users, tracks, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
