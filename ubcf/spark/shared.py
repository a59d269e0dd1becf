"""What the tasks of a build are given: its options, and where the tables are."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ubcf._version import __version__
from ubcf.building.memory import database_memory
from ubcf.building.options import SMALLEST_MEMORY, BuildOptions, processors
from ubcf.database.session import literal
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import InputError
from ubcf.remote import is_remote, shown
from ubcf.spark.results import Results
from ubcf.spark.session import SparkError
from ubcf.spark.storage import StoredTable, storage_of

# Of the memory limit of a scoring task, what each of the tasks that read logs may take.
LEAST_TASK_BYTES = SMALLEST_MEMORY


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
    try:
        is_seen = shared.folder.is_seen
    except InputError as error:
        raise SparkError(f"the worker {socket.gethostname()}: {error}") from None
    if not is_seen and is_remote(shared.results):
        raise SparkError(
            f"{shown(shared.results)}: the worker {socket.gethostname()} does not find it; do its "
            "settings name the same store as those of the driver?"
        )
    if not is_seen:
        raise SparkError(cannot_see(str(Path(shared.results).parent)))
    of_driver = shared.build.partition(" ")[0]
    if of_driver != __version__:
        raise SparkError(
            f"the worker {socket.gethostname()} has ubcf {__version__}, the driver {of_driver}: "
            "install one version for both"
        )
    return socket.gethostname()


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
        shared.folder.open_to(db.connection)
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
