"""What the peers share: reading the logs into a matrix, ranking rows of scores, writing the lists.

Only duckdb, numpy and scipy are imported, so that nobody pays for what it does not use.
"""

from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
from scipy import sparse

LIST_LENGTH = 100
BLOCK_USERS = 500  # a block of dense scores: 500 users x 50,000 tracks are 200 MB
NEIGHBORS = 50  # for those that cannot take all
NOISE = 1e-12  # a score or a similarity nearer to 0 than this is a rounding error
TIME_NOISE = 1e-9  # and so is a centered time nearer to 0 than this

# Tracks are numbered by popularity, so the popular tracks are simply the first columns.
# The path is pasted, not bound: binding makes duckdb import pandas where it is installed.
INTERACTIONS = """
with events as (
    from read_json('{logs}', format = 'newline_delimited',
        columns = {{user: 'bigint', track: 'bigint', time: 'double'}})),
users as (
    select user, avg(time) as mean_time, row_number() over (order by user) - 1 as row
    from events group by user),
tracks as (
    select track, row_number() over (order by sum(time) desc, track) - 1 as col
    from events group by track)
select row::int as row, col::int as col, any_value(user) as user, any_value(track) as track,
    avg(time) - any_value(mean_time) as centered_time
from events join users using (user) join tracks using (track) group by row, col
"""


class Centered(NamedTuple):
    """The centered times, users x tracks, and the ids of rows and columns."""

    users: np.ndarray
    tracks: np.ndarray
    matrix: sparse.csr_array


def log_pattern(logs_dir: str) -> str:
    """Return the pattern of the logs below `logs_dir`, to be pasted between quotes into SQL."""
    return f"{logs_dir}/**/data.json*".replace("'", "''")


def read_centered(logs_dir: str) -> Centered:
    """Read the logs below `logs_dir`, the most popular track first; users by ascending id."""
    found = duckdb.execute(INTERACTIONS.format(logs=log_pattern(logs_dir))).fetchnumpy()
    rows, cols, centered = found["row"], found["col"], found["centered_time"]
    users = np.empty(rows.max() + 1, dtype=np.int64)
    tracks = np.empty(cols.max() + 1, dtype=np.int64)
    users[rows], tracks[cols] = found["user"], found["track"]
    centered[np.abs(centered) < TIME_NOISE] = 0
    matrix = sparse.csr_array((centered, (rows, cols)), shape=(len(users), len(tracks)))
    matrix.eliminate_zeros()
    return Centered(users, tracks, matrix)


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return a copy of `matrix` with each row scaled to length 1; empty rows stay empty."""
    unit = matrix.copy()
    norms = np.sqrt(matrix.power(2).sum(axis=1))
    unit.data /= np.repeat(norms, np.diff(matrix.indptr))
    return unit


def without_noise(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return `matrix`, changed in place, without the entries that are rounding errors."""
    matrix.data[np.abs(matrix.data) < NOISE] = 0
    matrix.eliminate_zeros()
    return matrix


def best_columns(scores: np.ndarray) -> np.ndarray:
    """Return the columns of the best of dense `scores`: users x LIST_LENGTH, best first."""
    length = min(LIST_LENGTH, scores.shape[1])
    best = np.argpartition(-scores, length - 1, axis=1)[:, :length]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def top_lists(scores: sparse.csr_array) -> np.ndarray:
    """Return the columns of the best scores of each row: users x LIST_LENGTH, best first.

    Positive scores come first, then tracks without a score, from the left, then negative ones.
    """
    users, tracks = scores.shape
    length = min(LIST_LENGTH, tracks)
    lists = np.empty((users, length), dtype=np.int32)
    entry_row = np.repeat(np.arange(users), np.diff(scores.indptr))

    positive = scores.data > 0
    row, col, score = entry_row[positive], scores.indices[positive], scores.data[positive]
    order = np.argsort(row - score / (2 * score.max(initial=1)))  # by row, best score first
    counts = np.bincount(row, minlength=users)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    listed = rank < length
    lists[row[listed], rank[listed]] = col[order[listed]]

    # The rest of a list: the first columns in which the user has no score at all.
    filled = np.minimum(counts, length)
    seen = np.diff(scores.indptr)[filled < length].max(initial=0)
    free = np.ones((users, min(tracks, length + seen)), dtype=bool)
    inside = scores.indices < free.shape[1]
    free[entry_row[inside], scores.indices[inside]] = False
    place = filled[:, None] + free.cumsum(axis=1, dtype=np.int32) - 1
    row, col = np.nonzero(free & (place < length))
    lists[row, place[row, col]] = col

    # Hardly a track without a score: negative scores fill the end.
    for user in np.flatnonzero(place[:, -1] < length - 1):
        start, stop = scores.indptr[user : user + 2]
        ranked = scores.indices[start:stop][np.argsort(-scores.data[start:stop])]
        tail = lists[user, place[user, -1] + 1 :]
        tail[:] = ranked[counts[user] :][: len(tail)]
    return lists


def json_lines(users: np.ndarray, tracks: np.ndarray, lists: np.ndarray) -> bytes:
    """Return the JSON file: fixed-width cells side by side, then the padding taken out."""
    heads = np.array([f'{{"user": {user}, "tracks": [' for user in users.tolist()], "S")
    names = np.array([f", {track}" for track in tracks.tolist()], "S")
    cells = names[lists].view(np.uint8).reshape(len(lists), -1)
    cells[:, :2] = 0  # no comma before the first track
    ends = np.full(len(lists), "]}\n", "S3")
    parts = [heads.view(np.uint8).reshape(len(lists), -1), cells, ends.view("u1").reshape(-1, 3)]
    return np.concatenate(parts, axis=1).tobytes().translate(None, b"\0")


def write_lists(
    output_json: str, users: np.ndarray, tracks: np.ndarray, blocks: list[np.ndarray]
) -> None:
    """Write the lists of all `users`, given as blocks of rows of columns of `tracks`."""
    Path(output_json).write_bytes(json_lines(users, tracks, np.concatenate(blocks)))


def frame_columns(centered: Centered) -> dict[str, Any]:
    """Return the centered times as columns `user`, `track` (numbers, not ids) and `rating`."""
    entries = centered.matrix.tocoo()
    return {"user": entries.row, "track": entries.col, "rating": entries.data}
