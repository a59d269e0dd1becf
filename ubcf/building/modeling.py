"""The model of the events: what users and tracks are expected to be listened to, and R as a table.

A build calls `count_plays`, `center_times`, `store_tracks` and `store_interactions` in this order;
an evaluation leaves out the tracks.
"""

from __future__ import annotations

from ubcf.database.writing import Database
from ubcf.scoring.options import ModelOptions

# The tables that count_plays makes from the table events.
PLAY_TABLES = ("plays", "user_times", "track_times")

# The tables that center_times and store_interactions make for one choice of model options.
MODEL_TABLES = (
    "indexed_plays",
    "user_biases",
    "track_biases",
    "interactions",
    "indexed_interactions",
)


def count_plays(db: Database) -> None:
    """Makes the tables of PLAY_TABLES from the table events."""
    for table in PLAY_TABLES:
        db.run(f"model/{table}.sql")


def center_times(db: Database, options: ModelOptions) -> None:
    """Makes what is subtracted from a time: the biases, with baseline centering."""
    db.set(centering=options.centering, time_offset=options.offset)
    if options.centering == "baseline":
        db.run("model/indexed_plays.sql")
        _store_biases(db)


def store_tracks(db: Database, options: ModelOptions) -> None:
    """Makes the table tracks, of the logs and of the catalog."""
    db.run("model/tracks.sql", baseline=options.centering == "baseline")


def store_interactions(db: Database, options: ModelOptions) -> None:
    """Makes the tables interactions and indexed_interactions."""
    db.run("model/interactions.sql", centering=options.centering)
    db.run("model/indexed_interactions.sql")


def _store_biases(db: Database) -> None:
    """Makes the tables user_biases and track_biases, by dense indexes; sets mean_time."""
    import numpy as np

    from ubcf.scoring.baseline import fit_baseline

    plays = db.arrays("indexed_plays")
    users, tracks = plays["user_index"], plays["track_index"]
    shape = (int(users.max()) + 1, int(tracks.max()) + 1)
    baseline = fit_baseline(users, tracks, plays["plays"], plays["total_time"], shape)
    db.set(mean_time=baseline.mean)
    for name, biases in (("user", baseline.users), ("track", baseline.tracks)):
        index = np.arange(len(biases), dtype=np.int32)
        db.append(f"{name}_biases", {f"{name}_index": index, "bias": biases})
    db.flush()
