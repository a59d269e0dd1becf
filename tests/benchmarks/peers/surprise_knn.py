"""Surprise's KNNBasic, user-based, on the centered times.

    python tests/benchmarks/peers/surprise_knn.py LOGS_DIR OUTPUT_JSON

50 neighbors: a track is scored by the 50 most similar of the users who heard it. It is a
neighboring model, not ours: the cosine is over the tracks that both users heard instead of whole
rows, only positive similarities count, users are their own neighbors, and a score is an average
weighted by similarity, not a sum. The similarities are dense, users x users. Surprise estimates
one track of one user at a time; only tracks that a user of positive similarity heard are asked
for, the others have no score and are filled in, popular ones first.
"""

import sys

import numpy as np
import pandas as pd
from lists import NEIGHBORS, best_columns, frame_columns, read_centered, write_lists
from surprise import Dataset, KNNBasic, Reader


def main(logs_dir: str, output_json: str) -> None:
    """Turn the logs below `logs_dir` into one line of recommendations a user."""
    centered = read_centered(logs_dir)
    ratings = pd.DataFrame(frame_columns(centered))
    trainset = Dataset.load_from_df(ratings, Reader(rating_scale=(-1, 1))).build_full_trainset()
    model = KNNBasic(k=NEIGHBORS, sim_options={"name": "cosine", "user_based": True})
    model.fit(trainset)

    column = np.array([trainset.to_raw_iid(item) for item in trainset.all_items()])
    known = set(ratings["user"].tolist())
    heard = [np.array([item for item, _ in trainset.ur[user]]) for user in trainset.all_users()]
    blocks = []
    for row in range(len(centered.users)):
        scores = np.zeros((1, len(centered.tracks)))
        if row in known:
            user = trainset.to_inner_uid(row)
            neighbors = np.flatnonzero(model.sim[user] > 0)
            for item in np.unique(np.concatenate([heard[other] for other in neighbors])):
                scores[0, column[item]] = model.estimate(user, item)[0]
        blocks.append(best_columns(scores))
    write_lists(output_json, centered.users, centered.tracks, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
