"""LensKit's UserKNNScorer, explicit feedback, on the centered times.

    python tests/benchmarks/peers/lenskit_knn.py LOGS_DIR OUTPUT_JSON

50 neighbors: a track is scored by the 50 most similar of the users who heard it. It is a
neighboring model, not ours: only positive similarities count, a score is an average weighted by
similarity, not a sum, times are centered once more, now over the tracks of the user instead of its
events, and all is in single precision. Tracks without a score are filled in, popular ones first.
"""

import sys

import numpy as np
import pandas as pd
from lenskit.data import ItemList, from_interactions_df
from lenskit.knn import UserKNNScorer
from lists import NEIGHBORS, best_columns, frame_columns, read_centered, write_lists


def main(logs_dir: str, output_json: str) -> None:
    """Turn the logs below `logs_dir` into one line of recommendations a user."""
    centered = read_centered(logs_dir)
    ratings = pd.DataFrame(frame_columns(centered))
    dataset = from_interactions_df(ratings, user_col="user", item_col="track")
    scorer = UserKNNScorer(max_nbrs=NEIGHBORS)
    scorer.train(dataset)

    items = ItemList(item_ids=np.arange(len(centered.tracks)))
    blocks = []
    for user in range(len(centered.users)):
        scores = scorer(user, items).scores()
        blocks.append(best_columns(np.nan_to_num(scores, nan=0.0)[None, :]))
    write_lists(output_json, centered.users, centered.tracks, blocks)


if __name__ == "__main__":
    main(*sys.argv[1:])
