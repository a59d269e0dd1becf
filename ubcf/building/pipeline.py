"""The build: from log files to a DuckDB database and the JSON file that the service loads."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from ubcf._version import __version__
from ubcf.building.inputs.log_options import LogOptions, take_log_options
from ubcf.building.inputs.logs import Catalog, Place, as_places, refuse_log_names
from ubcf.building.inputs.standard_input import StandardInput
from ubcf.building.inputs.transfer import (
    Inputs,
    Output,
    check_output,
    find_inputs,
    places_on_disk,
)
from ubcf.building.memory import database_memory, may_load_kernels
from ubcf.building.modeling import (
    center_times,
    count_plays,
    store_interactions,
    store_tracks,
)
from ubcf.building.options import BuildKeywords, BuildOptions, PathLike
from ubcf.building.recommendable import check_choice, choose_tracks
from ubcf.building.staging import ROWS_SHOWN, read_catalog, read_logs, refuse_rejected_lines
from ubcf.building.summary import BuildSummary, InputFile, Reading
from ubcf.building.users_without_logs import read_users, recommend_popular_tracks
from ubcf.database.reading import BUILD_DATABASE
from ubcf.database.tables import MACROS
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import CheckError, RotatedError
from ubcf.files import Kind, Publication, check_target, head
from ubcf.keywords import with_options
from ubcf.progress import Progress, Stages
from ubcf.remote import shown
from ubcf.scoring.options import MODEL_OPTIONS, ModelOptions, model_options

if TYPE_CHECKING:
    from ubcf.scoring.planner import Plan

# The file that the service loads, by its first line.
RECOMMENDATIONS = Kind(
    "a file of recommendations",
    lambda path: re.match(rb'\{"user": [^\n]*?, "tracks": \[', head(path)) is not None,
    may_be_stream=True,
)

# The columns of the table tracks, to which a catalog may add others.
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
    "recommendable",
)

# From this many multiplications of similarities on, the plan is likely to need the kernels, and
# numba is loaded while DuckDB makes the model. Logs of real listeners have far fewer: their users
# share few tracks.
PRODUCTS_WORTH_KERNELS = 4 * 10**6


@with_options(BuildKeywords, BuildOptions, ModelOptions, LogOptions, preset="notebook")
def build(
    logs: Place | Sequence[Place] = "data",
    *,
    catalog: Place | None = None,
    database: PathLike = "ubcf.duckdb",
    output: PathLike = "recommendations_ub.json",
    progress: Progress | None = None,
    **options: Unpack[BuildKeywords],
) -> BuildSummary:
    """Builds the database and the JSON from log files, folders or glob patterns; '-' is stdin.

    logs: also frames of pandas, polars, pyarrow or DuckDB with the columns user and track, time and
    so on, or others that fields={'user': 'listener'} names. catalog: a file or a frame of tracks;
    None takes tracks.json from a folder of logs, if there is one.
    options: the fields of `ubcf.building.options.BuildOptions`, such as top=50; those of the model:
    preset='listening', or the fields of `ubcf.scoring.options.ModelOptions`; and how the logs are
    read: those of `ubcf.building.inputs.log_options.LogOptions`, such as where="page = 'song'".
    progress: reports the stages and their steps.
    With retries=N, builds up to N times again when a log is rotated meanwhile.
    Raises a UbcfError, and leaves the previous database and JSON unchanged, when logs or options
    cannot be used, too many lines are rejected, a check fails, or a file cannot be written.
    """
    chosen = build_options(options)
    places = as_places(logs)
    if catalog is not None:
        (catalog,) = as_places([catalog], "catalog")
    return with_retries(
        chosen.retries,
        lambda stdin: _build(places, catalog, database, output, Stages(progress), chosen, stdin),
    )


def build_options(options: Mapping[str, Any]) -> BuildOptions:
    """The options of a build from its keywords: its own, those of the model, and of the logs.

    Raises OptionError.
    """
    given = {**options}
    of_model = {name: given.pop(name) for name in ("preset", *MODEL_OPTIONS) if name in given}
    of_logs = take_log_options(given)
    return BuildOptions(**given, model=model_options(**of_model), logs=of_logs)


def with_retries(retries: int, build_once: Callable[[StandardInput], BuildSummary]) -> BuildSummary:
    """Builds, and up to `retries` times again when a log is rotated while it is read."""
    with StandardInput(again=retries > 0) as stdin:
        for _ in range(retries):
            with contextlib.suppress(RotatedError):
                return build_once(stdin)
        return build_once(stdin)


def _build(
    places: list[Place],
    catalog: Place | None,
    database: PathLike,
    output: PathLike,
    stages: Stages,
    chosen: BuildOptions,
    stdin: StandardInput,
) -> BuildSummary:
    """Builds once; see `build`."""
    started_at = datetime.now(UTC)
    inputs = find_inputs(places, catalog, chosen.logs.pattern, standard_input=stdin)
    chosen.check_files(len(inputs.logs) + len(inputs.urls))
    templates = Templates(None if chosen.templates is None else Path(chosen.templates))
    database_path, target = check_targets(places, inputs, templates, chosen, database, output)
    with Publication(database_path, *target.targets) as publication:
        temporary_folder = publication.temporary_folder(database_path)
        log_files, catalog_file = inputs.fetched(temporary_folder, stages)
        written = target.written(publication, temporary_folder)
        with Database(
            publication.unfinished(database_path),
            templates,
            threads=chosen.thread_count,
            memory=database_memory(chosen.memory),
            temporary_folder=Path(chosen.temp_dir or temporary_folder),
        ) as db:
            preloading: list[threading.Thread] = []
            reading = read_logs(
                db,
                templates,
                log_files,
                temporary_folder,
                stages,
                chosen.logs,
                meanwhile=lambda: preloading.append(_preload_scoring(templates)),
            )
            refuse_rejected_lines(db, chosen.max_rejected)
            read_catalog(db, catalog_file, temporary_folder, stages, chosen.logs)
            preloading += make_model(db, chosen, stages)
            plan = _score(db, chosen, stages)
            make_results(db, chosen, stages)
            _write_json(db, written, stages)
            check_results(db, templates, chosen, stages)
            summary = record(
                db,
                stages,
                started_at=started_at,
                chosen=chosen,
                catalog=catalog_file,
                reading=reading,
                plan=plan,
                database=os.fspath(database),
                output=shown(output),
            )
        for thread in preloading:
            thread.join()
        publication.publish(before=target.upload(written, stages))
    return summary.finished(stages.seconds)


def check_targets(
    places: Sequence[Place],
    inputs: Inputs,
    templates: Templates,
    chosen: BuildOptions,
    database: PathLike,
    output: PathLike | None,
) -> tuple[Path, Output]:
    """The path of the database, and where the JSON goes; output: None: nowhere.

    inputs: what was found at the places. Raises OptionError for a target that the build reads, that
    the next one would read, or that is something else; and for a choice of tracks without them.
    """
    read = [*inputs.paths, *templates.overlay_files(), *chosen.given_files]
    check_choice(chosen, has_catalog=inputs.has_catalog)
    path = check_target(database, BUILD_DATABASE, read)
    target = check_output(output, RECOMMENDATIONS, inputs, read)
    refuse_log_names(places_on_disk(places), path, *target.targets, pattern=chosen.logs.pattern)
    return path, target


def make_model(
    db: Database,
    options: BuildOptions,
    stages: Stages,
    *,
    fit: Callable[[Database], None] | None = None,
) -> list[threading.Thread]:
    """Makes the tables tracks and interactions, and the dense indexes of users and tracks.

    fit: fits the baseline in another process, which then also scores; see `center_times`. Returns
    the thread that loads the kernels meanwhile, if this process is likely to need them.
    """
    loading = []
    with stages.stage("model") as stage:
        count_plays(db)
        if fit is None and may_load_kernels(options.memory):
            ((products,),) = db.run("model/questions/similarity_products.sql")
            if products >= PRODUCTS_WORTH_KERNELS:
                loading.append(_preload_kernels())
        choose_tracks(db, options)
        read_users(db, options)
        center_times(db, options.model, fit=fit)
        store_tracks(db, chosen=options.chooses_tracks)
        store_interactions(db)
        stage.rows = db.count("interactions")
    return loading


def _score(db: Database, options: BuildOptions, stages: Stages) -> Plan:
    """Makes the tables of the scores, by dense indexes; see there."""
    from ubcf.building.scores import score

    return score(db, options, stages)


def make_results(db: Database, options: BuildOptions, stages: Stages) -> None:
    """Makes the tables users, neighbors, weights and recommendations."""
    columns = db.columns("interactions")
    types = {"user_type": columns["user"], "track_type": columns["track"]}
    sources: dict[str, tuple[str, dict[str, Any]]] = {
        "users": ("user_measures", {}),
        "neighbors": ("similar_users", types),
        "recommendations": (
            "top_tracks",
            {
                **types,
                "predict": options.predict,
                "own_tracks": options.predict and options.model.own_tracks,
            },
        ),
    }
    if not options.model.has_weights:
        db.run("results/weights.sql")
    else:
        sources["weights"] = ("user_weights", {})
    for table, (source, structure) in sources.items():
        with stages.stage(table) as stage:
            db.run(f"results/{table}.sql", **structure)
            if table == "recommendations":
                recommend_popular_tracks(db, options)
            stage.rows = db.count(table)
            # Held in memory, and no longer needed.
            db.drop(source)


def _write_json(db: Database, path: Path, stages: Stages) -> None:
    with stages.stage("write JSON"):
        db.write_lines("results/recommendations_json.sql", path)


def check_results(
    db: Database, templates: Templates, options: BuildOptions, stages: Stages
) -> None:
    """Raises CheckError, with the first offending rows, when a check of sql/checks/ has any."""
    db.set(
        top=options.top,
        exclude_heard=options.exclude_heard,
        only_positive=options.only_positive,
        counts_own_listening=options.model.counts_own_listening,
    )
    with stages.stage("check"):
        for name in templates.names("checks"):
            if rows := db.run(name):
                shown = "; ".join(", ".join(map(str, row)) for row in rows[:ROWS_SHOWN])
                raise CheckError(
                    f"{templates.path(name)}: {len(rows):,} rows violate this check, first {shown}"
                )


def record(
    db: Database,
    stages: Stages,
    *,
    started_at: datetime,
    chosen: BuildOptions,
    catalog: Catalog | None,
    reading: Reading | None,
    plan: Plan,
    database: str,
    output: str,
) -> BuildSummary:
    """Makes the tables build and build_stages, and comments on all tables.

    reading: what the logs told; None where an overlay decided what an event is.
    """
    options: dict[str, Any] = {
        **chosen.recorded(None if catalog is None else catalog.name),
        "reading": None if reading is None else reading.recorded,
    }
    with stages.stage("record"):
        db.set(
            version=__version__,
            started_at=started_at.replace(tzinfo=None),
            seconds=stages.seconds,
            options=json.dumps(options),
            has_catalog=options["catalog"] is not None,
            plan=plan.way,
            plan_reason=plan.reason,
            plan_estimates=json.dumps({way: asdict(each) for way, each in plan.estimates.items()}),
            stage_names=[stage.stage for stage in stages.finished],
            stage_seconds=[stage.seconds for stage in stages.finished],
            stage_rows=[stage.rows for stage in stages.finished],
        )
        db.run("results/build.sql")
        db.run("results/build_stages.sql")
        for name in MACROS:
            db.run(f"results/{name}.sql")
        db.run(
            "results/comments.sql",
            predict=bool(options["predict"]),
            own_tracks=bool(options["predict"] and options["own_tracks"]),
            catalog_columns=[name for name in db.columns("tracks") if name not in TRACK_COLUMNS],
        )
        (figures,) = db.dictionaries("build")
        inputs = [InputFile(**row) for row in db.dictionaries("build_inputs")]
        reasons = dict(db.run("staging/questions/rejected_reasons.sql"))
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


def _preload_scoring(templates: Templates) -> threading.Thread:
    """Imports the slow modules in the background: done while DuckDB parses the logs.

    Any earlier, it would only keep Python from asking DuckDB to begin.
    """

    def load() -> None:
        importlib.import_module("ubcf.building.scores")
        templates.load("model", "results", "checks")

    return _in_background(load, "preload scoring")


def _preload_kernels() -> threading.Thread:
    """Loads the compiled kernels in the background: done while DuckDB makes the model."""

    def load() -> None:
        from ubcf.scoring.ways.products import load_kernels

        load_kernels()

    return _in_background(load, "preload kernels")


def _in_background(load: Callable[[], None], name: str) -> threading.Thread:
    """Starts a thread that loads something ahead of its use.

    What cannot be loaded raises its error where the build itself loads it.
    """

    def quietly() -> None:
        with contextlib.suppress(Exception):
            load()

    thread = threading.Thread(target=quietly, name=name, daemon=True)
    thread.start()
    return thread
