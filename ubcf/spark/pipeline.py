"""The build on Spark: the stages of `ubcf.building.pipeline`, each where it belongs."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from ubcf._version import __version__
from ubcf.building.inputs.log_options import LogOptions
from ubcf.building.inputs.logs import Catalog, LogFile, Place, as_places, refuse_log_names
from ubcf.building.inputs.standard_input import StandardInput
from ubcf.building.inputs.transfer import Inputs, find_inputs, places_on_disk, refuse_inputs
from ubcf.building.memory import database_memory
from ubcf.building.options import SMALLEST_MEMORY, BuildKeywords, BuildOptions, PathLike
from ubcf.building.pipeline import (
    build_options,
    check_results,
    check_targets,
    make_model,
    record,
    with_retries,
)
from ubcf.building.staging import read_catalog, refuse_rejected_lines
from ubcf.building.summary import BuildSummary, Reading
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import OptionError
from ubcf.files import Publication
from ubcf.keywords import with_options
from ubcf.progress import Progress, Stages
from ubcf.remote import is_remote, is_store, shown
from ubcf.scoring.options import ModelOptions
from ubcf.spark.cluster import Cluster
from ubcf.spark.database import SparkDatabase
from ubcf.spark.options import SparkOptions, refuse_unbearable
from ubcf.spark.reading import read_logs
from ubcf.spark.results import Results, new_results
from ubcf.spark.score_tasks import fit_baseline
from ubcf.spark.scoring import score
from ubcf.spark.session import spark_session
from ubcf.spark.shared import Shared, check_worker
from ubcf.spark.storage import StoredTable, part_of

if TYPE_CHECKING:
    from ubcf.scoring.planner import Plan


@with_options(BuildKeywords, BuildOptions, ModelOptions, LogOptions, preset="notebook")
def build(
    logs: Place | Sequence[Place] = "data",
    *,
    catalog: Place | None = None,
    database: PathLike = "ubcf.duckdb",
    output: PathLike | None = None,
    master: str | None = None,
    results: PathLike | None = None,
    verbose: bool = False,
    progress: Progress | None = None,
    **options: Unpack[BuildKeywords],
) -> BuildSummary:
    """Builds the same as `ubcf.build`, on Apache Spark.

    The tables go to a folder in `results` (None: ubcf-results beside the database), as Parquet, and
    the JSON in parts; the database has views of them. output: None writes no JSON in one file.
    master: None takes that of spark-submit, or else this machine. verbose: what Spark says goes to
    stderr. The rest is as for `ubcf.build`, and so are the errors; SparkError: Spark cannot be
    started, or its cluster cannot do the work.
    """
    chosen = build_options(options)
    places = as_places(logs)
    if catalog is not None:
        (catalog,) = as_places([catalog], "catalog")
    spark_options = SparkOptions(master, results, verbose)

    def build_once(stdin: StandardInput) -> BuildSummary:
        stages = Stages(progress)
        return _build(places, catalog, database, output, stages, chosen, spark_options, stdin)

    return with_retries(chosen.retries, build_once)


def _build(
    places: list[Place],
    catalog: Place | None,
    database: PathLike,
    output: PathLike | None,
    stages: Stages,
    chosen: BuildOptions,
    spark_options: SparkOptions,
    stdin: StandardInput,
) -> BuildSummary:
    """Builds once; see `build`."""
    started_at = datetime.now(UTC)
    pattern = chosen.logs.pattern
    inputs = find_inputs(places, catalog, pattern, standard_input=stdin)
    templates = Templates(_overlay(chosen))
    refuse_unbearable(templates)
    database_path, target = check_targets(places, inputs, templates, chosen, database, output)
    root = spark_options.results_beside(database_path)
    for suffix in ("parquet", "json"):
        part = part_of(f"{root}/build/table", 0, suffix)
        if is_remote(root):
            refuse_inputs(inputs, part)
        else:
            refuse_log_names(places_on_disk(places), Path(part), pattern=pattern)
    with Publication(database_path, *target.targets) as publication:
        folder = publication.temporary_folder(database_path)
        logs, catalog_file = _fetched(inputs, folder, stages)
        with (
            new_results(root, database_path, lambda: publication.is_decided) as results,
            _started(chosen, spark_options, folder, stages) as cluster,
        ):
            job = _Job(chosen, templates, cluster, results, stages)
            with job.database(publication.unfinished(database_path), folder) as db:
                plan, reading = job.fill(db, inputs, logs, catalog_file, folder)
                summary = record(
                    db,
                    stages,
                    started_at=started_at,
                    chosen=chosen,
                    catalog=catalog_file,
                    reading=reading,
                    plan=plan,
                    database=os.fspath(database),
                    output=results.folder if output is None else shown(output),
                )
            written = target.written(publication, folder)
            if target.is_wanted:
                with stages.stage("write JSON"):
                    results.write_json(written)
            publication.publish(before=target.upload(written, stages))
    return summary.finished(stages.seconds)


@contextlib.contextmanager
def _started(
    chosen: BuildOptions, spark_options: SparkOptions, folder: Path, stages: Stages
) -> Iterator[Cluster]:
    """A cluster, whose session ends with the context."""
    with contextlib.ExitStack() as ending:
        with stages.stage("start Spark"):
            place = Path(chosen.temp_dir or folder).absolute()
            session = ending.enter_context(spark_session(chosen, spark_options, place))
        yield Cluster(session)


@dataclass(frozen=True)
class _Job:
    """The work of one build."""

    chosen: BuildOptions
    templates: Templates
    cluster: Cluster
    results: Results
    stages: Stages

    def database(self, path: Path, folder: Path) -> SparkDatabase:
        """The database that is to be published. folder: for temporary files."""
        return SparkDatabase(
            path,
            self.templates,
            self.cluster,
            self.results,
            overlay=_overlay(self.chosen),
            threads=self.chosen.thread_count,
            memory=database_memory(self.chosen.memory),
            temporary_folder=Path(self.chosen.temp_dir or folder),
        )

    def fill(
        self,
        db: SparkDatabase,
        inputs: Inputs,
        logs: list[LogFile],
        catalog: Catalog | None,
        folder: Path,
    ) -> tuple[Plan, Reading | None]:
        """Makes all results, and checks them."""
        chosen, cluster, stages = self.chosen, self.cluster, self.stages
        shared = shared_by_tasks(chosen, cluster, self.results.folder)
        cluster.map(partial(check_worker, shared), range(2 * cluster.executors))
        reading = read_logs(db, shared, logs, folder, stages)
        if any(log.source for log in logs):
            inputs.refuse_changes()
        refuse_rejected_lines(db, chosen.max_rejected)
        read_catalog(db, catalog, folder, stages, chosen.logs)
        shared = _model(db, shared, stages)
        plan = score(db, shared, stages)
        check_results(db, self.templates, chosen, stages)
        return plan, reading


def _overlay(chosen: BuildOptions) -> Path | None:
    return None if chosen.templates is None else Path(chosen.templates).absolute()


def _fetched(inputs: Inputs, folder: Path, stages: Stages) -> tuple[list[LogFile], Catalog | None]:
    """The logs, by paths that do not depend on the folder of a process, and the catalog.

    Logs of object stores are left to the tasks.
    """
    logs, catalog = inputs.fetched(folder, stages, leaves=lambda file: is_store(file.url))
    return [replace(log, path=log.path.absolute()) for log in logs], catalog


def shared_by_tasks(chosen: BuildOptions, cluster: Cluster, results: str) -> Shared:
    """What all tasks are given. Raises OptionError if the executors have too little memory."""
    memory = chosen.memory if cluster.is_local else _python_memory(chosen, cluster)
    return Shared(
        build=f"{__version__} {secrets.token_hex(8)}",
        results=results,
        options=replace(chosen, templates=_overlay(chosen), memory_limit=memory),
        is_local=cluster.is_local,
        tasks_at_once=cluster.tasks_at_once,
    )


def _python_memory(chosen: BuildOptions, cluster: Cluster) -> int | None:
    """The memory limit of an executor's Python, in bytes; None: what its machine has decides.

    Raises OptionError if the executors have less.
    """
    memory = None if chosen.memory_limit is None else chosen.memory
    overhead, jvm = cluster.overhead, cluster.jvm_overhead
    if overhead is not None:
        needed = (memory or SMALLEST_MEMORY) + jvm
        if overhead < needed:
            raise OptionError(
                f"spark.executor.memoryOverhead is {overhead // 2**20:,} MiB; beside the heap of "
                f"its JVM an executor needs the memory limit, {(needed - jvm) // 2**20:,} MiB, and "
                f"{jvm // 2**20:,} MiB for the JVM itself: set it to {needed // 2**20}m"
            )
        memory = memory or overhead - jvm
    readers = cluster.tasks_at_once
    if memory is not None and memory < readers * SMALLEST_MEMORY:
        raise OptionError(
            f"memory_limit is {memory // 2**20:,} MiB; an executor reads {readers} logs at a time, "
            f"one a core, with {SMALLEST_MEMORY // 2**20} MiB each: at least "
            f"{readers * SMALLEST_MEMORY // 2**20}MiB are needed, or fewer spark.executor.cores"
        )
    return memory


def _model(db: SparkDatabase, shared: Shared, stages: Stages) -> Shared:
    """Makes the tables of the model; returns what scoring tasks are given."""
    means: list[float] = []

    def fit(_db: Database) -> None:
        """The biases are sums in one fixed order: those of one task."""
        given = shared.with_tables(indexed_plays=db.tables["indexed_plays"])
        (mean,) = db.cluster.map(partial(fit_baseline, given), [0], whole_executor=True)
        means.append(mean)
        db.set(mean_time=mean)
        for table, index in (("user_biases", "user_index"), ("track_biases", "track_index")):
            part = shared.folder.work_part(table)
            types = {index: "INTEGER", "bias": "DOUBLE"}
            db.show(table, StoredTable((part,), types), is_temporary=True)

    make_model(db, shared.options, stages, fit=fit)
    return replace(shared, mean_time=means[0] if means else None)
