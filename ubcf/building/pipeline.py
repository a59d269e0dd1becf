"""The build: from log files to a DuckDB file and the JSON that the service loads."""

from __future__ import annotations

import glob
import importlib
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ubcf._version import __version__
from ubcf.building.logs import (
    LogFile,
    check_complete,
    count_lines,
    find_catalog,
    find_logs,
    frozen,
    grown,
    log_file,
    readable,
)
from ubcf.building.memory import database_memory
from ubcf.building.options import MODEL_OPTIONS, BuildOptions, ModelOptions, PathLike, model_options
from ubcf.building.summary import BuildSummary, InputFile
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import (
    CheckError,
    InputError,
    RejectedLinesError,
    TemplateError,
)
from ubcf.progress import Progress, Stages
from ubcf.publishing import Publication

if TYPE_CHECKING:
    from ubcf.scoring.planner import Plan

# The columns that staging/events.sql, or what replaces it, must give the table events.
EVENT_COLUMNS = (
    "file",
    "message",
    "timestamp",
    "user",
    "track",
    "time",
    "latency",
    "recommendation",
    "experiments",
)

# Those whose type does not depend on the logs; a recommendation is of the type of the tracks.
EVENT_TYPES = {
    "message": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "latency": "DOUBLE",
    "experiments": "MAP(VARCHAR, VARCHAR)",
}

# The columns that the table tracks always has; the catalog may bring more.
TRACK_COLUMNS = (
    "track",
    "artist",
    "title",
    "genre",
    "pop",
    "plays",
    "listeners",
    "total_time",
    "popularity_rank",
    "bias",
    "in_catalog",
)

# Logs of so many bytes take long enough to read for compiled loops to be loaded meanwhile, and are
# likely to need them.
LOG_BYTES_WORTH_COMPILED_LOOPS = 24 * 2**20

# Rows shown of a check that fails, and rejected lines shown when there are too many.
ROWS_SHOWN = 3


def build(
    logs: PathLike | Sequence[PathLike] = "data",
    *,
    catalog: PathLike | None = None,
    database: PathLike = "ubcf.duckdb",
    output: PathLike = "recommendations_ub.json",
    progress: Progress | None = None,
    **options: Any,
) -> BuildSummary:
    """Builds the database and the JSON from log files, folders and glob patterns.

    catalog: the tracks; None takes tracks.json from a folder of logs, if there is one.
    options: the fields of `ubcf.building.options.BuildOptions`, such as top=50, and those of the
    model: preset='listening', or the fields of `ubcf.scoring.options.ModelOptions`.
    progress: is told of the stages and their steps.
    Raises a UbcfError, and leaves the previous database and JSON as they were, when logs or
    options cannot be used, too many lines are rejected, a check fails, or a file cannot be written.
    """
    started_at = datetime.now(UTC)
    stages = Stages(progress)
    of_model = {name: options.pop(name) for name in ("preset", *MODEL_OPTIONS) if name in options}
    chosen = BuildOptions(**options, model=model_options(**of_model))
    places = [logs] if isinstance(logs, str | os.PathLike) else list(logs)
    log_files = find_logs(places)
    catalog_path = find_catalog(places) if catalog is None else Path(catalog)
    templates = Templates(None if chosen.templates is None else Path(chosen.templates))
    # A link is followed: what it points to is replaced, not the link.
    database_path, output_path = (Path(os.path.realpath(path)) for path in (database, output))

    with Publication(database_path, output_path) as publication:
        temporary_folder = publication.make_temporary_folder(database_path)
        with Database(
            publication.aside(database_path),
            templates,
            threads=chosen.thread_count,
            memory=database_memory(chosen.memory),
            temporary_folder=Path(chosen.temp_dir or temporary_folder),
        ) as db:
            read_logs(db, templates, log_files, temporary_folder, stages)
            refuse_rejected_lines(db, chosen.max_rejected)
            _read_catalog(db, catalog_path, stages)
            _model(db, chosen.model, stages)
            plan = _score(db, chosen, stages)
            _make_results(db, chosen, stages)
            _write_json(db, publication.aside(output_path), stages)
            _check(db, templates, chosen, stages)
            summary = _record(
                db,
                stages,
                started_at=started_at,
                options=chosen.recorded(catalog_path),
                plan=plan,
                database=os.fspath(database),
                output=os.fspath(output),
            )
        publication.publish()
    return summary.finished(stages.seconds)


def read_logs(
    db: Database, templates: Templates, logs: list[LogFile], folder: Path, stages: Stages
) -> None:
    """The tables events and rejected_lines, from what the files held when they were found."""
    with stages.stage("read logs") as stage:
        check_complete(logs)
        if not any(log.bytes for log in logs):
            raise InputError(f"{', '.join(log.name for log in logs)}: empty, no event in it")
        logs = [readable(log, folder, number) for number, log in enumerate(logs)]
        _stage_logs(db, templates, logs)
        while longer := grown(logs):
            # Read again, from copies of what was there at the start; the copies do not grow.
            logs = [
                frozen(log, folder, number) if log in longer else log
                for number, log in enumerate(logs)
            ]
            db.drop("events", "rejected_lines", "build_inputs")
            _stage_logs(db, templates, logs)
        stage.rows = db.count("events")


def _stage_logs(db: Database, templates: Templates, logs: list[LogFile]) -> None:
    db.set(
        input_files=[log.name for log in logs],
        input_paths=[str(log.path) for log in logs],
        input_bytes=[log.bytes for log in logs],
        log_paths=[glob.escape(str(log.path)) for log in logs if log.bytes],
        duplicate_lines=None,
    )
    db.run("staging/input_files.sql")
    db.run("staging/log_text.sql", line_feeds=all(log.line_feeds for log in logs if log.bytes))
    if not any(templates.replaces(f"staging/{name}.sql") for name in ("log_lines", "events")):
        db.run("staging/known_experiments.sql")
    db.run("staging/log_lines.sql", view="log_lines", numbered=False)
    size = sum(log.bytes for log in logs)
    threading.Thread(target=_load_what_comes, args=(templates, size)).start()
    db.run("staging/events.sql")
    db.run("staging/rejected_lines.sql")
    columns = db.columns("events")
    missing = [name for name in EVENT_COLUMNS if name not in columns]
    if missing:
        raise TemplateError(
            f"{templates.path('staging/events.sql')}: the table events has no column "
            + ", ".join(missing)
        )
    types = {**EVENT_TYPES, "recommendation": columns["track"]}
    for column, expected in types.items():
        if columns[column] != expected:
            db.run("staging/event_column_type.sql", column=column, type=expected)
    if any(log.name != str(log.path) for log in logs):
        db.run("staging/names_of_copies.sql")
    # Whoever brings their own events vouches for them: only our own reading knows what a line is.
    counted = not templates.replaces("staging/events.sql")
    db.set(input_lines=[count_lines(log) if counted else None for log in logs])
    db.run("staging/accepted_lines.sql")
    if counted:
        uncertain = [path for (path,) in db.run("staging/uncertain_files.sql")]
        # Lines that are the same are the same events.
        repeated = bool(uncertain) or db.run("staging/repeated_events.sql")[0][0]
        db.set(duplicate_lines=db.run("staging/duplicate_lines.sql")[0][0] if repeated else 0)
        db.set(log_paths=[glob.escape(path) for path in uncertain])
        db.run("staging/line_counts.sql", uncertain=bool(uncertain))
        db.run("staging/unreadable_lines.sql")
        incomplete = db.run("staging/incomplete_files.sql")
        if incomplete:
            db.run("staging/log_lines.sql", view="numbered_log_lines", numbered=True)
        for file, path in incomplete:
            db.set(file=file, path=path, log_paths=[glob.escape(path)])
            db.run("staging/rejected_lines_of_file.sql")
    db.run("staging/build_inputs.sql", counted=counted)


def _load_what_comes(templates: Templates, log_bytes: int) -> None:
    """Loads what takes its time to load: done while DuckDB is at its longest work."""
    from ubcf.scoring.planner import has_numba
    from ubcf.scoring.ways.products import load_compiled

    importlib.import_module("ubcf.building.scores")
    templates.load("model", "results", "checks")
    if log_bytes >= LOG_BYTES_WORTH_COMPILED_LOOPS and has_numba():
        load_compiled()


def refuse_rejected_lines(db: Database, max_rejected: float) -> None:
    """Raises RejectedLinesError when more than `max_rejected` of the lines are rejected."""
    lines, rejected = db.run("staging/rejected_share.sql")[0]
    reasons = ", ".join(
        f"{reason} ({count:,} lines)" for reason, count in db.run("staging/rejected_reasons.sql")
    )
    if db.count("events") == 0:
        raise InputError(f"no event in {lines:,} lines of the logs: {reasons or 'all are empty'}")
    if rejected > max_rejected * lines:
        first = "; ".join(
            f"{file}, line {number}: {reason}"
            for file, number, reason in db.run("staging/first_rejected_lines.sql", rows=ROWS_SHOWN)
        )
        raise RejectedLinesError(
            f"{rejected:,} of {lines:,} lines were rejected, more than --max-rejected "
            f"{max_rejected:g} allows: {reasons}; first {first}"
        )


def _read_catalog(db: Database, catalog: Path | None, stages: Stages) -> None:
    """The temporary table catalog, empty without one."""
    with stages.stage("read catalog") as stage:
        track_type = db.columns("events")["track"]
        has_catalog = False
        if catalog is not None:
            file = log_file(catalog)
            check_complete([file])
            has_catalog = file.bytes > 0
        if has_catalog:
            db.set(path=str(file.path), log_paths=[glob.escape(str(file.path))])
            db.run("staging/log_text.sql", line_feeds=False)
            db.run("staging/catalog_lines.sql")
            db.run("staging/unreadable_lines.sql")
            for line_number, problem in db.run(
                "staging/catalog_problems.sql", track_type=track_type
            ):
                raise InputError(f"{catalog}, line {line_number}: {problem}")
        db.run("staging/catalog.sql", catalog=has_catalog, track_type=track_type)
        stage.rows = db.count("catalog")


def _model(db: Database, options: ModelOptions, stages: Stages) -> None:
    """The tables tracks and interactions, and the dense indexes of users and tracks."""
    with stages.stage("model") as stage:
        baseline = options.centering == "baseline"
        db.set(centering=options.centering, time_offset=options.offset)
        db.run("model/plays.sql")
        db.run("model/user_times.sql")
        db.run("model/track_times.sql")
        if baseline:
            from ubcf.building.scores import store_baseline

            db.run("model/indexed_plays.sql")
            store_baseline(db)
        db.run("model/tracks.sql", baseline=baseline)
        db.run("model/interactions.sql", centering=options.centering)
        db.run("model/indexed_interactions.sql")
        stage.rows = db.count("interactions")


def _score(db: Database, options: BuildOptions, stages: Stages) -> Plan:
    """The tables user_measures, similar_users and top_tracks, by dense indexes."""
    from ubcf.building.scores import score

    return score(db, options, stages)


def _make_results(db: Database, options: BuildOptions, stages: Stages) -> None:
    """The tables users, neighbors and recommendations."""
    structure: dict[str, tuple[str, dict[str, Any]]] = {
        "users": ("user_measures", {"baseline": options.model.centering == "baseline"}),
        "neighbors": ("similar_users", {}),
        "recommendations": (
            "top_tracks",
            {"predict": options.predict, "centering": options.model.centering},
        ),
    }
    for table, (source, options_of_table) in structure.items():
        with stages.stage(table) as stage:
            db.run(f"results/{table}.sql", **options_of_table)
            stage.rows = db.count(table)
            # Held in memory, and not needed any more.
            db.drop(source)


def _write_json(db: Database, path: Path, stages: Stages) -> None:
    with stages.stage("write JSON"):
        db.write_lines("results/recommendations_json.sql", path)


def _check(db: Database, templates: Templates, options: BuildOptions, stages: Stages) -> None:
    """Raises CheckError, with the first offending rows, when a check of sql/checks/ has any."""
    db.set(
        top=options.top, exclude_heard=options.exclude_heard, only_positive=options.only_positive
    )
    with stages.stage("check"):
        for name in templates.names("checks"):
            if rows := db.run(name):
                shown = "; ".join(", ".join(map(str, row)) for row in rows[:ROWS_SHOWN])
                raise CheckError(
                    f"{templates.path(name)}: {len(rows):,} rows that should not be, first {shown}"
                )


def _record(
    db: Database,
    stages: Stages,
    *,
    started_at: datetime,
    options: dict[str, Any],
    plan: Plan,
    database: str,
    output: str,
) -> BuildSummary:
    """The tables build and build_stages, and the comments."""
    with stages.stage("record"):
        db.set(
            version=__version__,
            started_at=started_at.replace(tzinfo=None),
            seconds=stages.seconds,
            options=json.dumps(options),
            plan=plan.way,
            plan_reason=plan.reason,
            plan_estimates=json.dumps({way: asdict(each) for way, each in plan.estimates.items()}),
            stage_names=[stage.stage for stage in stages.finished],
            stage_seconds=[stage.seconds for stage in stages.finished],
            stage_rows=[stage.rows for stage in stages.finished],
        )
        db.run("results/build.sql")
        db.run("results/build_stages.sql")
        db.run("results/weights_of.sql")
        db.run(
            "results/comments.sql",
            predict=bool(options["predict"]),
            catalog_columns=[name for name in db.columns("tracks") if name not in TRACK_COLUMNS],
        )
        (figures,) = db.dictionaries("build")
        inputs = [InputFile(**row) for row in db.dictionaries("build_inputs")]
        reasons = dict(db.run("staging/rejected_reasons.sql"))
    return BuildSummary(
        **{
            **figures,
            "started_at": started_at.isoformat(timespec="seconds"),
            "options": options,
            "plan_estimates": {way: asdict(each) for way, each in plan.estimates.items()},
            "database": database,
            "output": output,
            "inputs": inputs,
            "rejected_reasons": reasons,
            "stages": stages.finished,
        }
    )
