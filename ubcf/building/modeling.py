"""The model of the events: the expected times of users and tracks, and R as a table.

A build calls `count_plays`, `center_times`, `store_tracks` and `store_interactions` in this order;
an evaluation needs no table of tracks.
"""

from __future__ import annotations

from collections.abc import Callable

from ubcf.database.writing import Database
from ubcf.scoring.options import ModelOptions

# The tables that count_plays makes from the table events.
PLAY_TABLES = ("plays", "user_times", "track_times")

# The views that center_times makes.
CENTERS = ("user_centers", "track_centers")

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


def center_times(
    db: Database, options: ModelOptions, *, fit: Callable[[Database], None] | None = None
) -> None:
    """Makes the views of CENTERS: the expected time is the sum of the two centers.

    fit: does elsewhere what `store_biases` does.
    """
    db.set(centering=options.centering, time_offset=options.offset)
    if options.centering == "baseline":
        db.run("model/indexed_plays.sql")
        (fit or store_biases)(db)
    make_centers(db, options)


def make_centers(db: Database, options: ModelOptions) -> None:
    """Makes the views of CENTERS from the tables, and the variable, of `center_times`."""
    for table in CENTERS:
        db.run(f"model/{table}.sql", centering=options.centering)


def store_tracks(db: Database, *, chosen: bool = False) -> None:
    """Makes the table tracks, of the tracks in the logs and in the catalog.

    chosen: the table recommendable_tracks says which of them may be recommended; else all may.
    """
    catalog_columns = [column for column in db.columns("catalog") if column != "track"]
    db.run("model/tracks.sql", chosen=chosen, catalog_columns=catalog_columns)


def store_interactions(db: Database) -> None:
    """Makes the tables interactions and indexed_interactions."""
    for table in ("interactions", "indexed_interactions"):
        db.run(f"model/{table}.sql")


def store_biases(db: Database) -> None:
    """Fits the baseline to indexed_plays: makes user_biases and track_biases; sets mean_time.

    Both tables are by dense indexes.
    """
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
