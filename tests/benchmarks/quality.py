"""Compare the lists and predicted times of ubcf with other libraries', on one split. One command:

    python tests/benchmarks/quality.py RATINGS_DIR [--seed 0]

RATINGS_DIR has logs whose times are ratings / 5, each track rated once by a user. `ubcf evaluate`
reads them as ratings on the scale 0:5 and splits them at random; the others learn from the same
training part. It prints two markdown tables:

    rmse of predicted ratings, in stars, over all test pairs of known users: `--preset ratings`
    against Surprise's KNNWithMeans and KNNBaseline and LensKit's UserKNNScorer (explicit feedback);
    nDCG@10 of the lists without heard tracks, as sql/evaluation/metrics/ndcg.sql defines it
    (gain: the time of a track above the user's mean): the presets listening, similar and taste
    against LensKit's UserKNNScorer and irspack's CosineUserKNNRecommender, implicit feedback of all
    rated tracks, and against EASE, of ratings and of all rated tracks.

Each of the others is tried with a few settings, all of which are printed. `pip install -e
'.[peers]'` installs what is needed.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from irspack import CosineUserKNNRecommender
from lenskit.data import ItemList, from_interactions_df
from lenskit.knn import UserKNNScorer
from scipy import sparse
from surprise import Dataset, KNNBaseline, KNNWithMeans, Reader

import ubcf

STARS = 5
CUT = 10
NEIGHBORS = (20, 40, 80)
RIDGES = (30, 100, 300)
LIST_PRESETS = ("listening", "similar", "taste")
Scores = Callable[[int], np.ndarray]


def main() -> int:
    """Evaluate everyone and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ratings", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "evaluation.duckdb")
        found = ubcf.evaluate(
            arguments.ratings,
            database=database,
            split="random",
            seed=arguments.seed,
            settings=["ratings", *LIST_PRESETS],
            at=[CUT],
            exclude_heard=True,
            fields={"time": f"{STARS} * time"},
            scale=f"0:{STARS}",
        )
        with duckdb.connect(str(database), read_only=True) as connection:
            events = connection.execute(
                'select "user", track, time, part from split_events order by all'
            ).fetchnumpy()
    ours = {(row["setting"], row["metric"]): row["value"] for row in found.metrics}
    frame = pd.DataFrame({name: np.asarray(values) for name, values in events.items()})
    train, test = (frame[frame["part"] == part] for part in ("training", "test"))
    test = test[test["user"].isin(set(train["user"]))]

    print("| rmse, in stars | |\n|---|--:|")
    print(f"| ubcf, preset ratings | {ours['ratings', 'rmse']:.4f} |")
    for name, value in rating_errors(train, test):
        print(f"| {name} | {value:.4f} |")
    print(f"\n| nDCG@{CUT} | |\n|---|--:|")
    for preset in LIST_PRESETS:
        print(f"| ubcf, preset {preset} | {ours[preset, 'ndcg']:.4f} |")
    for name, value in list_gains(train, test):
        print(f"| {name} | {value:.4f} |")
    return 0


def rating_errors(train: pd.DataFrame, test: pd.DataFrame) -> list[tuple[str, float]]:
    """The rmse of the others, by name."""
    found = []
    real = STARS * test["time"].to_numpy()

    def rmse(predicted: np.ndarray) -> float:
        return float(np.sqrt(np.mean((np.clip(predicted, 0, STARS) - real) ** 2)))

    ratings = train[["user", "track", "time"]].assign(time=STARS * train["time"])
    trainset = Dataset.load_from_df(
        ratings, Reader(rating_scale=(0.5, STARS))
    ).build_full_trainset()
    pairs = list(test[["user", "track"]].itertuples(index=False))
    for neighbors in NEIGHBORS:
        for model in (
            KNNWithMeans(k=neighbors, verbose=False),
            KNNBaseline(
                k=neighbors,
                sim_options={"name": "pearson_baseline", "shrinkage": 100},
                verbose=False,
            ),
        ):
            model.fit(trainset)
            predicted = np.array([model.predict(user, track).est for user, track in pairs])
            found.append((f"Surprise {type(model).__name__}, k={neighbors}", rmse(predicted)))
    dataset = from_interactions_df(
        ratings.rename(columns={"time": "rating"}), user_col="user", item_col="track"
    )
    means = ratings.groupby("user")["time"].mean()
    for neighbors in NEIGHBORS:
        scorer = UserKNNScorer(max_nbrs=neighbors, feedback="explicit")
        scorer.train(dataset)
        parts = []
        for user, rows in test.groupby("user", sort=False):
            scores = scorer(user, ItemList(item_ids=rows["track"].to_numpy())).scores()
            parts.append(pd.Series(np.where(np.isnan(scores), means[user], scores), rows.index))
        predicted = pd.concat(parts).loc[test.index].to_numpy()
        found.append((f"LensKit UserKNNScorer, max_nbrs={neighbors}", rmse(predicted)))
    return found


def list_gains(train: pd.DataFrame, test: pd.DataFrame) -> list[tuple[str, float]]:
    """The nDCG of the others' lists, by name."""
    users, tracks = np.unique(train["user"]), np.unique(train["track"])
    rows = np.searchsorted(users, train["user"])
    columns = np.searchsorted(tracks, train["track"])
    heard = sparse.csr_matrix(
        (np.ones(len(train)), (rows, columns)), shape=(len(users), len(tracks))
    )
    means = train.groupby("user")["time"].mean()
    relevant = test[test["time"] - test["user"].map(means) >= 1e-9]

    def ndcg(scores_of: Scores) -> float:
        gains = []
        for user, liked in relevant.groupby("user"):
            row = int(np.searchsorted(users, user))
            scores = scores_of(row).astype(float)
            scores[heard[row].indices] = -np.inf
            best = tracks[np.argsort(-scores, kind="stable")[:CUT]]
            gain = dict(zip(liked["track"], liked["time"], strict=True))
            discount = 1 / np.log2(np.arange(2, CUT + 2))
            got = sum(
                gain.get(track, 0.0) * each for track, each in zip(best, discount, strict=True)
            )
            ideal = sorted(gain.values(), reverse=True)[:CUT]
            gains.append(got / sum(g * each for g, each in zip(ideal, discount, strict=False)))
        return float(np.mean(gains))

    found = []
    for neighbors in (*NEIGHBORS, 100, 200):
        for shrinkage in (0, 25):
            model = CosineUserKNNRecommender(heard, top_k=neighbors, shrinkage=shrinkage).learn()
            name = f"irspack CosineUserKNN, top_k={neighbors}, shrinkage={shrinkage}"
            every = model.get_score_block(0, len(users))
            found.append((name, ndcg(every.__getitem__)))
    dataset = from_interactions_df(train[["user", "track"]], user_col="user", item_col="track")
    items = ItemList(item_ids=tracks)
    for neighbors in (*NEIGHBORS, 100, 200):
        scorer = UserKNNScorer(max_nbrs=neighbors, feedback="implicit")
        scorer.train(dataset)

        def scores(row: int, scorer: UserKNNScorer = scorer) -> np.ndarray:
            return np.asarray(np.nan_to_num(scorer(users[row], items).scores(), nan=-np.inf))

        found.append((f"LensKit UserKNNScorer, max_nbrs={neighbors}", ndcg(scores)))
    ratings = np.zeros(heard.shape)
    ratings[rows, columns] = train["time"]
    for name, values in (("ratings / 5", ratings), ("1 if rated", heard.toarray())):
        for ridge in RIDGES:
            gain = ndcg(ease(values, ridge).__getitem__)
            found.append((f"EASE, {name}, lambda={ridge}", gain))
    return found


def ease(values: np.ndarray, ridge: float) -> np.ndarray:
    """The scores of EASE, users x tracks: Steck, "Embarrassingly shallow autoencoders", 2019."""
    gram = values.T @ values
    gram[np.diag_indices_from(gram)] += ridge
    inverse = np.linalg.inv(gram)
    weights: np.ndarray = inverse / -np.diagonal(inverse)
    np.fill_diagonal(weights, 0.0)
    scores: np.ndarray = values @ weights
    return scores


if __name__ == "__main__":
    sys.exit(main())
