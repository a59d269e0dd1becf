"""What the tasks of a build are given: its options, and where the tables are."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ubcf._version import __version__
from ubcf.building.memory import database_memory
from ubcf.building.options import SMALLEST_MEMORY, BuildOptions, processors
from ubcf.database.paths import pattern
from ubcf.database.session import identifier, literal
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.spark.results import Results
from ubcf.spark.session import SparkError
from ubcf.spark.storage import Types, storage_of

# Of the memory limit of a scoring task, what each of the tasks that read logs may take.
LEAST_TASK_BYTES = SMALLEST_MEMORY


@dataclass(frozen=True)
class StoredTable:
    """A table in Parquet files. files: their names, in the order of the rows.

    condition: in SQL: only such rows of the files are rows of the table.
    """

    files: tuple[str, ...]
    types: Types
    condition: str | None = None

    def query(self) -> str:
        """A query of its rows, in order, with its types."""
        columns = ", ".join(
            f"cast({identifier(name)} as {type}) as {identifier(name)}"
            for name, type in self.types.items()
        )
        if not self.files:
            nulls = ", ".join(f"null as {identifier(name)}" for name in self.types)
            return f"select {columns} from (select {nulls}) where false"
        files = literal([pattern(file) for file in self.files])
        rows = f"read_parquet({files}, hive_partitioning = false)"
        where = "" if self.condition is None else f" where {self.condition}"
        return f"select {columns} from {rows}{where}"


@dataclass(frozen=True)
class Shared:
    """What is the same for all tasks of a build.

    build: a text that no other build has. results: the folder of the results. options: those of the
    build; the memory limit is that of a task that has an executor alone. is_local: tasks are on the
    machine of the driver. tables: those of the model, by name. mean_time: of all events, with a
    baseline. tasks_at_once: tasks of an executor that read logs.
    """

    build: str
    results: str
    options: BuildOptions
    is_local: bool
    tables: dict[str, StoredTable] = field(default_factory=dict)
    mean_time: float | None = None
    tasks_at_once: int = 1

    def with_tables(self, **tables: StoredTable) -> Shared:
        """The same with further tables."""
        return replace(self, tables={**self.tables, **tables})

    @property
    def folder(self) -> Results:
        """The folder of the results."""
        return Results(self.results)

    @property
    def templates(self) -> Templates:
        """The templates, with the overlay. Raises SparkError if a worker cannot see it."""
        overlay = self.options.templates
        if overlay is not None and not Path(overlay).is_dir():
            raise SparkError(cannot_see(str(overlay)))
        return Templates(None if overlay is None else Path(overlay))


def cannot_see(path: str) -> str:
    """The sentence about a path that a worker has not."""
    return (
        f"{path}: the worker {socket.gethostname()} cannot see it; put it on a file system that "
        "all machines of the cluster have at the same path"
    )


def check_worker(shared: Shared, _number: int) -> str:
    """The name of a worker's machine. Raises SparkError if it does not fit the driver."""
    if not shared.folder.is_seen:
        raise SparkError(cannot_see(str(Path(shared.results).parent)))
    of_driver = shared.build.partition(" ")[0]
    if of_driver != __version__:
        raise SparkError(
            f"the worker {socket.gethostname()} has ubcf {__version__}, the driver {of_driver}: "
            "install one version for both"
        )
    return socket.gethostname()


@contextlib.contextmanager
def task_folder() -> Iterator[Path]:
    """A folder for the files of a task, where Spark removes those of a killed executor."""
    local = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0]
    folder = Path(tempfile.mkdtemp(prefix="ubcf-", dir=local if Path(local).is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def task_database(shared: Shared, folder: Path, *, threads: int, memory: int) -> Iterator[Database]:
    """A database of a task, with views of the tables of the model. memory: in bytes."""
    with Database(
        folder / "task.duckdb",
        shared.templates,
        threads=threads,
        memory=database_memory(memory),
        temporary_folder=folder,
    ) as db:
        for name, table in shared.tables.items():
            db.execute(f"create temp view {name} as {table.query()}")
        yield db


def reading_memory(shared: Shared) -> int:
    """The memory of a task that reads a log, in bytes; an executor has several at a time."""
    return max(shared.options.memory // shared.tasks_at_once, LEAST_TASK_BYTES)


def task_options(shared: Shared) -> BuildOptions:
    """The options of a task that has an executor alone: threads as the executor has cores."""
    options = shared.options
    if not shared.is_local:
        cores = min(shared.tasks_at_once, processors())
        options = replace(options, threads=options.threads or cores)
    return options


def store(db: Database, query: str, file: str) -> None:
    """Writes the rows of a query to a Parquet file that appears complete."""
    with storage_of(file).written(file) as unfinished:
        db.execute(
            f"copy ({query}) to {literal(str(unfinished))} (format parquet, use_tmp_file false)"
        )
