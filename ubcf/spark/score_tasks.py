"""What executors do with the model: scores of ranges of users, and the results of each range.

R and what is derived from it are whole in every executor, and loaded once: by the first range that
its Python process gets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ubcf.building.memory import LEAST_DATABASE_BYTES, database_memory_beside_matrices
from ubcf.building.modeling import make_centers, store_biases
from ubcf.building.pipeline import make_results
from ubcf.building.users_without_logs import recommend_popular_tracks
from ubcf.database.writing import Database
from ubcf.progress import Stages
from ubcf.spark.results import JSON_PARTS
from ubcf.spark.shared import Shared, store, task_database, task_options
from ubcf.spark.storage import Types, task_folder

if TYPE_CHECKING:
    from scipy import sparse

    from ubcf.building.scores import Scoring
    from ubcf.scoring.planner import Plan

# The tables of results that each range has a part of.
PARTS = ("users", "neighbors", "weights", "recommendations")

# The folder of the rows of S in the folder of work.
GRAPH = "graph"


@dataclass(frozen=True)
class UserRange:
    """Consecutive users, by their dense indexes: start..stop-1. number: of the range, from 0.

    first_id, next_id: where ids of users without logs belong to it, as texts: from this one on, and
    before that one; None: there is no end.
    """

    number: int
    start: int
    stop: int
    first_id: str | None
    next_id: str | None


@dataclass(frozen=True)
class Planned:
    """What the first look at R says. users: their number."""

    plan: Plan
    users: int


@dataclass(frozen=True)
class ScoredRange:
    """What became of a range: the types of its tables, and their numbers of rows."""

    types: dict[str, Types]
    rows: dict[str, int]


@dataclass
class _Loaded:
    """What a process keeps between ranges: of one build only."""

    build: str
    scoring: Scoring
    graph: sparse.csr_array | None = None


_loaded: list[_Loaded] = []


def fit_baseline(shared: Shared, _number: int) -> float:
    """Stores the biases of users and tracks as Parquet; returns the mean time of all events."""
    options = task_options(shared)
    with (
        task_folder() as folder,
        task_database(shared, folder, threads=options.thread_count, memory=options.memory) as db,
    ):
        store_biases(db)
        for table in ("user_biases", "track_biases"):
            store(db, f"from {table}", shared.folder.work_part(table))
        ((mean,),) = db.execute("select getvariable('mean_time')")
        return float(mean)


def plan(shared: Shared, _number: int) -> Planned:
    """Decides how to compute the scores. Raises MemoryLimitError if they do not fit."""
    with task_folder() as folder, _model_database(shared, folder) as db:
        scoring = _scoring(shared, db)
        return Planned(scoring.plan, len(scoring.users.ids))


def store_graph(shared: Shared, users: UserRange) -> None:
    """Writes the rows of S of a range of users, which the walks of all users take."""
    import numpy as np

    from ubcf.scoring.lists import nearest_similarities

    with task_folder() as folder, _model_database(shared, folder) as db:
        scoring = _scoring(shared, db)
    rows = nearest_similarities(
        scoring.matrices,
        scoring.plan,
        scoring.options.model.neighborhood,
        threads=scoring.options.thread_count,
        users=range(users.start, users.stop),
    )
    part = shared.folder.work_part(GRAPH, users.number, "npz")
    with shared.folder.storage.written(part) as path, path.open("wb") as file:
        np.savez(file, starts=rows.indptr, columns=rows.indices, values=rows.data)


def score_range(shared: Shared, plan: Plan, users: UserRange) -> ScoredRange:
    """Writes the parts of the results of a range of users, and of the JSON.

    plan: that of all ranges, whatever this executor would plan.
    """
    from ubcf.building.scores import store_lists

    with task_folder() as folder, _model_database(shared, folder) as db:
        scoring = replace(_scoring(shared, db), plan=plan)
        model = scoring.options.model
        graph = None if model.users_reached is None else _graph(shared, scoring)
        store_lists(db, scoring, range(users.start, users.stop), similarity=graph)
        # The table users is made of the measures; other users than those of logs come later.
        make_results(db, replace(scoring.options, users=None), Stages())
        for table in PARTS:
            store(db, f"from {table}", shared.folder.part(table, users.number))
        if shared.options.users is None:
            _write_json(db, shared, users.number)
        return ScoredRange(
            {table: db.columns(table) for table in PARTS},
            {table: db.count(table) for table in PARTS},
        )


def store_popular(shared: Shared, number: int) -> int:
    """Writes the lists of the users without logs as a part; returns the number of rows."""
    with (
        task_folder() as folder,
        task_database(shared, folder, threads=1, memory=shared.options.memory) as db,
    ):
        db.execute("create table recommendations as from known_recommendations limit 0")
        recommend_popular_tracks(db, shared.options)
        store(db, "from recommendations", shared.folder.part("recommendations", number))
        return db.count("recommendations")


def write_json_of_range(shared: Shared, users: UserRange) -> None:
    """Writes the JSON of a range of users, and of the users without logs whose ids are in it."""
    popular = shared.tables["popular_recommendations"]
    files = (shared.folder.part("recommendations", users.number),)
    known = replace(shared.tables["known_recommendations"], files=files)
    tables = {"popular_recommendations": popular, "known_recommendations": known}
    with (
        task_folder() as folder,
        task_database(
            replace(shared, tables=tables), folder, threads=1, memory=shared.options.memory
        ) as db,
    ):
        db.set(first_id=users.first_id, next_id=users.next_id)
        db.run("results/recommendations_in_order.sql", user_type=popular.types["user"])
        _write_json(db, shared, users.number)


def _write_json(db: Database, shared: Shared, number: int) -> None:
    with shared.folder.storage.written(shared.folder.part(JSON_PARTS, number, "json")) as path:
        db.write_lines("results/recommendations_json.sql", path)


@contextlib.contextmanager
def _model_database(shared: Shared, folder: Path) -> Iterator[Database]:
    """A database of a task that has an executor alone, with the views of the centers."""
    options = task_options(shared)
    with task_database(shared, folder, threads=options.thread_count, memory=options.memory) as db:
        db.set(
            centering=options.model.centering,
            time_offset=options.model.offset,
            mean_time=shared.mean_time,
            top=options.top,
        )
        make_centers(db, options.model)
        yield db


def _scoring(shared: Shared, db: Database) -> Scoring:
    """The matrices of the build, loaded from the tables of the model if they are not yet.

    They stay, so that DuckDB reads and writes Parquet with its part of the memory beside them.
    """
    from ubcf.building.scores import Scoring

    if not _loaded or _loaded[0].build != shared.build:
        _loaded.clear()
        options = task_options(shared)
        # What is free is less once there are matrices.
        options = replace(options, memory_limit=options.memory)
        scoring = Scoring.of(db, options, least_database=LEAST_DATABASE_BYTES)
        _loaded.append(_Loaded(shared.build, scoring))
    scoring = _loaded[0].scoring
    memory = scoring.options.memory
    db.limit_memory(database_memory_beside_matrices(memory, LEAST_DATABASE_BYTES))
    return scoring


def _graph(shared: Shared, scoring: Scoring) -> sparse.csr_array:
    """S of all users, from the parts of all ranges."""
    import numpy as np

    from ubcf.scoring.matrices import Rows

    (loaded,) = _loaded
    if loaded.graph is None:
        starts, columns, values = [np.zeros(1, dtype=np.int64)], [], []
        storage = shared.folder.storage
        for part in storage.files(shared.folder.table(GRAPH, is_temporary=True)):
            with storage.fetched(part) as path, np.load(path) as arrays:
                starts.append(starts[-1][-1] + arrays["starts"][1:].astype(np.int64))
                columns.append(arrays["columns"])
                values.append(arrays["values"])
        rows = Rows(np.concatenate(starts), np.concatenate(columns), np.concatenate(values))
        loaded.graph = rows.to_matrix(len(scoring.users.ids))
    return loaded.graph
