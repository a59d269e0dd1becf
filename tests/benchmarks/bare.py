"""The lower bound: the same lists from bare duckdb, numpy and scipy, keeping no tables.

    python tests/benchmarks/bare.py LOGS_DIR OUTPUT_JSON

No rejected lines, no checks, no database, no statistics, no order among equal scores, and the
scores of a block are held whole: what is left is the cost of the work itself. The lists have
the score sequences of ubcf's: positive scores, then zero (popular tracks first), then negative.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
from scipy import sparse

LIST_LENGTH = 100
THREADS = 2
NOISE = 1e-12  # a score or a similarity nearer to 0 than this is a rounding error

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


def without_noise(matrix: sparse.csr_array) -> sparse.csr_array:
    """Return `matrix`, changed in place, without the entries that are rounding errors."""
    matrix.data[np.abs(matrix.data) < NOISE] = 0
    matrix.eliminate_zeros()
    return matrix


def top_lists(scores: sparse.csr_array) -> np.ndarray:
    """Return the columns of the best scores of each row: users x LIST_LENGTH, best first."""
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


def json_lines(user_ids: np.ndarray, track_ids: np.ndarray, lists: np.ndarray) -> bytes:
    """Return the JSON file: fixed-width cells side by side, then the padding taken out."""
    heads = np.array([f'{{"user": {user}, "tracks": [' for user in user_ids.tolist()], "S")
    names = np.array([f", {track}" for track in track_ids.tolist()], "S")
    cells = names[lists].view(np.uint8).reshape(len(lists), -1)
    cells[:, :2] = 0  # no comma before the first track
    ends = np.full(len(lists), "]}\n", "S3")
    parts = [heads.view(np.uint8).reshape(len(lists), -1), cells, ends.view("u1").reshape(-1, 3)]
    return np.concatenate(parts, axis=1).tobytes().translate(None, b"\0")


def main(logs_dir: str, output_json: str) -> None:
    """Turn the logs below `logs_dir` into one line of recommendations a user."""
    logs = f"{logs_dir}/**/data.json*".replace("'", "''")
    found = duckdb.execute(INTERACTIONS.format(logs=logs)).fetchnumpy()
    rows, cols, centered = found["row"], found["col"], found["centered_time"]
    user_ids = np.empty(rows.max() + 1, dtype=np.int64)
    track_ids = np.empty(cols.max() + 1, dtype=np.int64)
    user_ids[rows], track_ids[cols] = found["user"], found["track"]

    centered[np.abs(centered) < 1e-9] = 0
    matrix = sparse.csr_array((centered, (rows, cols)), shape=(len(user_ids), len(track_ids)))
    matrix.eliminate_zeros()
    norms = np.sqrt(matrix.power(2).sum(axis=1))
    norms[norms == 0] = 1
    unit = matrix.copy()
    unit.data /= np.repeat(norms, np.diff(matrix.indptr))
    transposed = unit.T.tocsr()

    def block_lists(start: int, stop: int) -> np.ndarray:
        similarity = unit[start:stop] @ transposed
        own = np.repeat(np.arange(start, stop), np.diff(similarity.indptr)) == similarity.indices
        similarity.data[own] = 0
        return top_lists(without_noise(without_noise(similarity) @ matrix))

    edges = np.linspace(0, len(user_ids), 4 * THREADS + 1).astype(int)
    with ThreadPoolExecutor(THREADS) as pool:
        lists = np.concatenate(list(pool.map(block_lists, edges[:-1], edges[1:])))
    Path(output_json).write_bytes(json_lines(user_ids, track_ids, lists))


if __name__ == "__main__":
    main(*sys.argv[1:])
