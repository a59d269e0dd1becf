"""The scores on a cluster: ranges of users, a task each, which write their parts of the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from ubcf.errors import MemoryLimitError
from ubcf.progress import Stages
from ubcf.scoring.options import BY_SIMILARITIES
from ubcf.scoring.planner import Plan
from ubcf.spark.database import SparkDatabase
from ubcf.spark.score_tasks import (
    PARTS,
    Planned,
    ScoredRange,
    UserRange,
    plan,
    score_range,
    store_graph,
    store_popular,
    write_json_of_range,
)
from ubcf.spark.shared import Shared
from ubcf.spark.storage import StoredTable

Item = TypeVar("Item")
Found = TypeVar("Found")

# Ranges for each executor, where a range costs no more than its users: the slower ones do not hold
# up the others, and less is lost with an executor.
RANGES_PER_EXECUTOR = 4

# The tables that scoring reads.
MODEL_TABLES = (
    "user_times",
    "track_times",
    "interactions",
    "indexed_interactions",
    "user_biases",
    "track_biases",
    "recommendable_tracks",
)


def score(db: SparkDatabase, shared: Shared, stages: Stages) -> Plan:
    """Makes the views users, neighbors, weights and recommendations, and the parts of the JSON.

    Raises MemoryLimitError, with what is needed, where an executor cannot hold the matrices.
    """
    shared = shared.with_tables(
        **{name: db.tables[name] for name in MODEL_TABLES if name in db.tables}
    )
    with stages.stage("plan scores"):
        planned = _planned(db, shared)
    ranges = _ranges(db, planned.users, planned.plan, shared)
    walks = shared.options.model.users_reached is not None
    with stages.stage("score", len(ranges) * (1 + walks)) as stage:
        if walks:
            _on_executors(db, partial(store_graph, shared), ranges, stage.advance)
        found = _on_executors(db, partial(score_range, shared, planned.plan), ranges, stage.advance)
        stage.rows = sum(scored.rows["recommendations"] for scored in found)
    for table in PARTS:
        _show(db, shared, table, ranges, found)
    if shared.options.users is not None:
        with stages.stage("users without logs") as stage:
            stage.rows = _add_users_without_logs(db, shared, ranges)
    return planned.plan


def _planned(db: SparkDatabase, shared: Shared) -> Planned:
    try:
        (planned,) = _on_executors(db, partial(plan, shared), [0])
    except MemoryLimitError as error:
        if shared.is_local:
            raise
        raise MemoryLimitError(
            f"{error}, and spark.executor.memoryOverhead must hold it and the JVM beside it: every "
            "executor has all of R"
        ) from error
    return planned


def _on_executors(
    db: SparkDatabase,
    work: Callable[[Item], Found],
    items: Sequence[Item],
    advance: Callable[[int], None] = lambda _tasks: None,
) -> list[Found]:
    """The results of tasks that have an executor alone."""
    return db.cluster.map(work, items, advance=advance, whole_executor=True)


def _ranges(db: SparkDatabase, users: int, plan: Plan, shared: Shared) -> list[UserRange]:
    """Ranges of users with about as many interactions each.

    Where every task computes something for all users first, such as products between tracks, there
    is one range an executor.
    """
    count = db.cluster.executors
    is_divisible = plan.way == BY_SIMILARITIES and shared.options.model.ridge_over_users is None
    if is_divisible and not db.cluster.is_local:
        count *= RANGES_PER_EXECUTOR
    rows = db.run("model/questions/user_ranges.sql", ranges=count)
    first_ids = [None, *(first_id for _, _, first_id in rows[1:]), None]
    ranges = [
        UserRange(number, start, stop, first_ids[number], first_ids[number + 1])
        for number, (start, stop, _) in enumerate(rows)
    ]
    assert ranges[0].start == 0 and ranges[-1].stop == users
    return ranges


def _show(
    db: SparkDatabase,
    shared: Shared,
    table: str,
    ranges: list[UserRange],
    found: list[ScoredRange],
) -> None:
    files = tuple(shared.folder.part(table, users.number) for users in ranges)
    db.show(table, StoredTable(files, found[0].types[table]))


def _add_users_without_logs(db: SparkDatabase, shared: Shared, ranges: list[UserRange]) -> int:
    """Adds the lists of users without logs, and writes the JSON with them in their places."""
    table = db.tables["recommendations"]
    tables = {name: db.tables[name] for name in ("users", "tracks", "users_without_logs")}
    number = len(ranges)
    with_users = shared.with_tables(known_recommendations=table, **tables)
    (rows,) = db.cluster.map(partial(store_popular, with_users), [number])
    part = shared.folder.part("recommendations", number)
    popular = StoredTable((part,), table.types)
    with_popular = shared.with_tables(known_recommendations=table, popular_recommendations=popular)
    db.cluster.map(partial(write_json_of_range, with_popular), ranges)
    del db.tables["recommendations"]
    db.execute("drop view recommendations")
    db.show("recommendations", StoredTable((*table.files, part), table.types))
    return rows
