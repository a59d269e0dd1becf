"""Check that two JSON files of recommendations have the same score sequence for every user.

    python tests/benchmarks/check_lists.py LOGS_DIR JSON_A JSON_B

Equal scores may come in any order, so tracks are not compared: the scores are recomputed here
from the definitions (design, section 2), one dense row at a time, with nothing but numpy and
json, and the scores along both lists must agree to 1e-9, with each other and with the best
possible list. Exits 1 and says for how many users they do not. Every log line must be good.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

LIST_LENGTH = 100
TOLERANCE = 1e-9


class Interactions(NamedTuple):
    """The centered times: user `users[row[i]]` and track `tracks[col[i]]` have `centered[i]`."""

    users: list[int]
    tracks: list[int]
    row: np.ndarray
    col: np.ndarray
    centered: np.ndarray


def read_interactions(logs_dir: Path) -> Interactions:
    """Read every log below `logs_dir` and compute the centered time of each user and track."""
    events = []
    for path in sorted(logs_dir.rglob("data.json*")):
        with path.open() as lines:
            parsed = (json.loads(line) for line in lines if line.strip())
            events += [(event["user"], event["track"], event["time"]) for event in parsed]
    if not events:
        sys.exit(f"check_lists: no events in data.json* below {logs_dir}")
    user, track, time = map(np.array, zip(*events, strict=True))

    users, event_row = np.unique(user, return_inverse=True)
    tracks, event_col = np.unique(track, return_inverse=True)
    mean_time = np.bincount(event_row, time) / np.bincount(event_row)
    pairs, event_pair = np.unique(event_row * len(tracks) + event_col, return_inverse=True)
    centered = np.bincount(event_pair, time - mean_time[event_row]) / np.bincount(event_pair)
    centered[np.abs(centered) < 1e-9] = 0
    row, col = np.divmod(pairs, len(tracks))
    return Interactions(users.tolist(), tracks.tolist(), row, col, centered)


def score_rows(data: Interactions) -> Iterator[np.ndarray]:
    """Yield the scores of each user in turn: one dense row, a score for each track.

    Both sums run over all interactions: the similarity to user v over v's interactions with
    the user's tracks, the score of track t over the interactions of all users with t.
    """
    norms = np.sqrt(np.bincount(data.row, data.centered**2))
    unit = data.centered / np.where(norms > 0, norms, 1)[data.row]
    for user in range(len(data.users)):
        own = np.zeros(len(data.tracks))
        mine = slice(*np.searchsorted(data.row, [user, user + 1]))
        own[data.col[mine]] = unit[mine]
        similarity = np.bincount(data.row, own[data.col] * unit)
        similarity[np.abs(similarity) < 1e-12] = 0
        similarity[user] = 0
        yield np.bincount(data.col, similarity[data.row] * data.centered)


def read_lists(path: Path) -> dict[int, list[int]]:
    """Read `{"user": ..., "tracks": [...]}` lines; a user must not come twice."""
    with path.open() as lines:
        entries = [json.loads(line) for line in lines]
    lists = {entry["user"]: entry["tracks"] for entry in entries}
    if len(lists) != len(entries):
        sys.exit(f"check_lists: {path}: a user has more than one line")
    return lists


def difference(scores: np.ndarray, cols: list[int], others: np.ndarray) -> float:
    """Return the worst difference between the scores of `cols` and the scores `others`."""
    return float(np.max(np.abs(scores[cols] - others), initial=0.0))


def main() -> int:
    """Compare the two files of the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("logs_dir", type=Path)
    parser.add_argument("json_a", type=Path)
    parser.add_argument("json_b", type=Path)
    arguments = parser.parse_args()

    data = read_interactions(arguments.logs_dir)
    lists_a, lists_b = read_lists(arguments.json_a), read_lists(arguments.json_b)
    for path, lists in ((arguments.json_a, lists_a), (arguments.json_b, lists_b)):
        if lists.keys() != set(data.users):
            strange = sorted(lists.keys() ^ set(data.users))
            print(f"{path}: {len(strange)} users missing or not in the logs, first {strange[0]}")
            return 1

    length = min(LIST_LENGTH, len(data.tracks))
    col_of = {track: col for col, track in enumerate(data.tracks)}
    flat_users = set(np.flatnonzero(np.bincount(data.row, data.centered != 0) == 0).tolist())
    worst = 0.0
    differing, not_best_a, not_best_b = set(), set(), set()
    for row, (user, scores) in enumerate(zip(data.users, score_rows(data), strict=True)):
        cols_a = [col_of[track] for track in lists_a[user]]
        cols_b = [col_of[track] for track in lists_b[user]]
        for path, cols in ((arguments.json_a, cols_a), (arguments.json_b, cols_b)):
            if not len(cols) == len(set(cols)) == length:
                print(f"{path}: user {user}: {len(set(cols))} tracks in a list of {len(cols)}")
                return 1
        best = np.sort(np.partition(scores, len(scores) - length)[-length:])[::-1]
        apart = difference(scores, cols_a, scores[cols_b])
        worst = max(worst, apart)
        if apart > TOLERANCE:
            differing.add(row)
        if difference(scores, cols_a, best) > TOLERANCE:
            not_best_a.add(row)
        if difference(scores, cols_b, best) > TOLERANCE:
            not_best_b.add(row)

    print(f"{len(data.users)} users compared, worst difference {worst:.3g}")
    for rows, what in (
        (differing, "differ between the files"),
        (not_best_a, f"are not the best in {arguments.json_a.name}"),
        (not_best_b, f"are not the best in {arguments.json_b.name}"),
    ):
        if rows:
            flat = len(rows & flat_users)
            print(f"{len(rows)} lists {what}, {flat} of them of users with all-equal times")
    return 1 if differing or not_best_a or not_best_b else 0


if __name__ == "__main__":
    sys.exit(main())
