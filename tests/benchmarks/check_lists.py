"""Check that JSON files of recommendations have the best possible scores for every user.

    python tests/benchmarks/check_lists.py LOGS_DIR JSON [JSON ...] [--sample USERS]

Equal scores may come in any order, so tracks are not compared: the scores are recomputed here
from the definitions, one dense row at a time, with nothing but numpy and
json, and the scores along each list must agree with those of the best list to 1e-9; files that
pass have the same score sequences. With --sample, scores are recomputed for some users, chosen
at random; the form (every user once, the right number of different tracks) is always checked.
Exit code: 0, 1 if there are lists that are not the best, 2 if there are malformed ones. Every
log line must be good.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

LIST_LENGTH = 100
TOLERANCE = 1e-9


class MalformedError(Exception):
    """A file that does not hold one full list for every user."""


class Interactions(NamedTuple):
    """The centered times: user `users[row[i]]` and track `tracks[col[i]]` have `centered[i]`."""

    users: list[int]
    tracks: list[int]
    row: np.ndarray
    col: np.ndarray
    centered: np.ndarray


def read_events(logs_dir: Path) -> Iterator[tuple[int, int, float]]:
    """Yield user, track and time of every log line below `logs_dir`."""
    for path in sorted(logs_dir.rglob("data.json*")):
        with path.open() as lines:
            for line in lines:
                if line.strip():
                    event = json.loads(line)
                    yield event["user"], event["track"], event["time"]


def read_interactions(logs_dir: Path) -> Interactions:
    """Read every log below `logs_dir` and compute the centered time of each user and track."""
    kind = np.dtype([("user", "i8"), ("track", "i8"), ("time", "f8")])
    events = np.fromiter(read_events(logs_dir), dtype=kind)
    if not len(events):
        sys.exit(f"check_lists: no events in data.json* below {logs_dir}")
    user, track, time = events["user"], events["track"], events["time"]

    users, event_row = np.unique(user, return_inverse=True)
    tracks, event_col = np.unique(track, return_inverse=True)
    mean_time = np.bincount(event_row, time) / np.bincount(event_row)
    pairs, event_pair = np.unique(event_row * len(tracks) + event_col, return_inverse=True)
    centered = np.bincount(event_pair, time - mean_time[event_row]) / np.bincount(event_pair)
    centered[np.abs(centered) < 1e-9] = 0
    row, col = np.divmod(pairs, len(tracks))
    return Interactions(users.tolist(), tracks.tolist(), row, col, centered)


def score_rows(data: Interactions, rows: Iterable[int]) -> Iterator[np.ndarray]:
    """Yield the scores of each user of `rows` in turn: one dense row, a score for each track.

    Both sums run over all interactions: the similarity to user v over v's interactions with
    the user's tracks, the score of track t over the interactions of all users with t.
    """
    norms = np.sqrt(np.bincount(data.row, data.centered**2))
    unit = data.centered / np.where(norms > 0, norms, 1)[data.row]
    for user in rows:
        own = np.zeros(len(data.tracks))
        mine = slice(*np.searchsorted(data.row, [user, user + 1]))
        own[data.col[mine]] = unit[mine]
        similarity = np.bincount(data.row, own[data.col] * unit)
        similarity[np.abs(similarity) < 1e-12] = 0
        similarity[user] = 0
        yield np.bincount(data.col, similarity[data.row] * data.centered)


def read_lists(path: Path, data: Interactions) -> np.ndarray:
    """Read `{"user": ..., "tracks": [...]}` lines as columns of `data`, one row a user."""
    length = min(LIST_LENGTH, len(data.tracks))
    row_of = {user: row for row, user in enumerate(data.users)}
    col_of = {track: col for col, track in enumerate(data.tracks)}
    lists = np.full((len(data.users), length), -1)
    with path.open() as lines:
        for entry in map(json.loads, lines):
            user, tracks = entry["user"], entry["tracks"]
            if user not in row_of or lists[row_of[user], 0] >= 0:
                raise MalformedError(f"user {user} is not in the logs or comes twice")
            if not len(tracks) == len(set(tracks) & col_of.keys()) == length:
                raise MalformedError(f"user {user}: not {length} different tracks of the logs")
            lists[row_of[user]] = [col_of[track] for track in tracks]
    if missing := int(np.sum(lists[:, 0] < 0)):
        raise MalformedError(f"{missing} users are missing")
    return lists


def check(path: Path, data: Interactions, rows: list[int], flat: np.ndarray) -> int:
    """Check one file and say what was found; return its exit code. `flat`: all times equal."""
    try:
        lists = read_lists(path, data)
    except MalformedError as error:
        print(f"{path}: {error}")
        return 2
    worst, not_best = 0.0, []
    for row, scores in zip(rows, score_rows(data, rows), strict=True):
        columns = lists[row]
        best = np.sort(np.partition(scores, len(scores) - len(columns))[-len(columns) :])[::-1]
        difference = float(np.max(np.abs(scores[columns] - best)))
        worst = max(worst, difference)
        if difference > TOLERANCE:
            not_best.append(row)
    print(
        f"{path}: {len(not_best)} of {len(rows)} lists are not the best "
        f"({int(flat[not_best].sum())} of users with all-equal times), worst difference {worst:.3g}"
    )
    return 1 if not_best else 0


def main() -> int:
    """Check the files of the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("logs_dir", type=Path)
    parser.add_argument("lists", type=Path, nargs="+", metavar="JSON")
    parser.add_argument(
        "--sample", type=int, metavar="USERS", help="recompute the scores of USERS users (all)"
    )
    arguments = parser.parse_args()

    data = read_interactions(arguments.logs_dir)
    count = len(data.users)
    rows = sorted(random.Random(0).sample(range(count), min(arguments.sample or count, count)))
    flat = np.bincount(data.row, data.centered != 0) == 0
    return max(check(path, data, rows, flat) for path in arguments.lists)


if __name__ == "__main__":
    sys.exit(main())
