"""The evaluation: how well the lists and predicted times fit what users did afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ubcf._version import __version__
from ubcf.building.logs import find_logs
from ubcf.building.memory import database_memory
from ubcf.building.modeling import (
    MODEL_TABLES,
    PLAY_TABLES,
    center_times,
    count_plays,
    store_interactions,
)
from ubcf.building.options import BuildOptions, PathLike
from ubcf.building.staging import read_logs, refuse_rejected_lines
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import InputError
from ubcf.evaluation.options import (
    BASELINES,
    ERRORS,
    LIST_METRICS,
    METRICS,
    PAIR_METRICS,
    EvaluationOptions,
)
from ubcf.files import Publication
from ubcf.progress import Progress, Stages, no_progress
from ubcf.scoring.options import ModelOptions

if TYPE_CHECKING:
    from collections.abc import Callable

# What the name of the best setting of a grid begins with.
TUNED = "tuned: "

# Tables of one setting, which the next one replaces.
SETTING_TABLES = ("user_measures", "similar_users", "top_tracks", "pair_scores")

MEASURED_TABLES = ("user_values", "coverage_values", "estimates")


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found, as rows of the tables that it left in the database.

    lines, rejected: of all logs. figures: the row of the table evaluation.
    """

    database: str
    lines: int
    rejected: int
    figures: dict[str, Any]
    settings: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    tuning: list[dict[str, Any]]


def evaluate(
    logs: PathLike | Sequence[PathLike] = "data",
    *,
    test: PathLike | Sequence[PathLike] | None = None,
    database: PathLike = "evaluation.duckdb",
    progress: Progress | None = None,
    max_rejected: float = 0.01,
    templates: PathLike | None = None,
    threads: int | None = None,
    memory_limit: int | str | None = None,
    **options: Any,
) -> Evaluation:
    """Measures settings of the model, and baselines, on a part of the logs that they do not know.

    test: other logs that are the test part; None splits `logs`. options: the fields of
    `ubcf.evaluation.options.EvaluationOptions`, such as split='random' or settings=['listening'].
    max_rejected, templates, threads, memory_limit: as for a build. progress: is told of the stages.
    The tables evaluation, settings, split_events, metrics, metrics_by_user and, with a grid, tuning
    are left in the database. Raises a UbcfError, and leaves an older database as it was, when logs
    or options cannot be used or a part is empty.
    """
    chosen = EvaluationOptions(**options)
    build_options = BuildOptions(
        top=max(chosen.at),
        exclude_heard=chosen.exclude_heard,
        max_rejected=max_rejected,
        templates=templates,
        threads=threads,
        memory_limit=memory_limit,
        store_neighbors=0,
    )
    laid_over = Templates(None if templates is None else Path(templates))
    path = Path(os.path.realpath(database))
    with Publication(path) as publication:
        temporary_folder = publication.make_temporary_folder(path)
        with Database(
            publication.aside(path),
            laid_over,
            threads=build_options.thread_count,
            memory=database_memory(build_options.memory),
            temporary_folder=temporary_folder,
        ) as db:
            work = _Work(db, chosen, build_options, progress or no_progress)
            db.set(seed=chosen.seed, test_share=chosen.test_share, cuts=sorted(set(chosen.at)))
            db.set(top=max(chosen.at), metric_names=list(METRICS), version=__version__)
            db.run("evaluation/cuts.sql")
            counts = [_read(work, laid_over, temporary_folder, logs, "logged_events")]
            if test is not None:
                counts.append(_read(work, laid_over, temporary_folder, test, "test_logs"))
            _split(db, "given" if test is not None else chosen.split, "logged_events")
            _use_part(work, "split_events")
            models = chosen.models
            if chosen.grid:
                winner = _tune(work)
                models[TUNED + winner] = chosen.grid[winner]
                _use_part(work, "split_events")
            _evaluate(work, models)
            _record(work, models, logs, test)
            tables = {name: db.dictionaries(name) for name in ("settings", "metrics")}
            (figures,) = db.dictionaries("evaluation")
            tuning = db.dictionaries("tuning") if chosen.grid else []
        publication.publish()
    lines, rejected = map(sum, zip(*counts, strict=True))
    return Evaluation(os.fspath(database), lines, rejected, figures, **tables, tuning=tuning)


@dataclass(frozen=True)
class _Work:
    """What all steps of an evaluation need."""

    db: Database
    options: EvaluationOptions
    build_options: BuildOptions
    progress: Progress

    def stages(self, setting: str) -> Stages:
        """Stages that are told under the name of a setting."""

        def told(name: str, length: int | None) -> AbstractContextManager[Callable[[int], None]]:
            return self.progress(f"{setting}: {name}", length)

        return Stages(told)


def _read(
    work: _Work,
    templates: Templates,
    folder: Path,
    logs: PathLike | Sequence[PathLike],
    target: str,
) -> tuple[int, int]:
    """The table `target`: the events of logs. Returns the lines, and how many were rejected."""
    db = work.db
    places = [logs] if isinstance(logs, str | os.PathLike) else logs
    read_logs(db, templates, find_logs(places), folder, Stages(work.progress))
    refuse_rejected_lines(db, work.build_options.max_rejected)
    ((lines, rejected),) = db.run("staging/questions/rejected_share.sql")
    db.run("evaluation/logged.sql", target=target)
    db.drop("rejected_lines", "build_inputs")
    return lines, rejected


def _split(db: Database, split: str, source: str, target: str = "split_events") -> None:
    """The table `target`: the events of `source`, each in the training or in the test part."""
    if split in ("time", "last"):
        ((undated,),) = db.run("evaluation/questions/undated_events.sql", source=source)
        if undated:
            raise InputError(
                f"{undated:,} events have no timestamp, which the split {split!r} needs; "
                "'random' needs none"
            )
    db.run(f"evaluation/splits/{split}.sql", source=source, target=target)


def _use_part(work: _Work, source: str) -> None:
    """The training part as the table events, which the models read, and the truth to meet."""
    db = work.db
    for table in ("events", "test_events"):
        db.run(f"evaluation/{table}.sql", source=source)
    ((training, test),) = db.run("evaluation/questions/part_sizes.sql", source=source)
    if not training or not test:
        empty = "test" if training else "training"
        raise InputError(
            f"the {empty} part of {training + test:,} events is empty: too few events, or all at "
            "one moment; try another split or test share"
        )
    db.drop(*PLAY_TABLES)
    count_plays(db)
    db.run("evaluation/truth.sql", exclude_heard=work.options.exclude_heard)
    db.run("evaluation/counted_users.sql")
    if not db.count("counted_users"):
        raise InputError(
            "no user of the training part has a relevant track in the test part, one that was "
            "listened to for longer than the user's mean time in the training part"
        )


def _tune(work: _Work) -> str:
    """The name of the best of the grid on a split of the training part alone; the table tuning."""
    db, options = work.db, work.options
    _split(db, options.split, "events", "validation_events")
    _use_part(work, "validation_events")
    metric = options.tune_for
    number = 0
    for number, (name, model) in enumerate(options.grid.items(), start=1):
        _measure_model(work, f"trial {number}: {name}", model, number, (metric,))
    _name_settings(db, list(options.grid.items()), "tuned", "tried_settings")
    _estimate(work)
    cut = max(options.at) if metric in LIST_METRICS else None
    db.set(sign=-1 if metric in ERRORS else 1, tuned_cut=cut)
    db.run("evaluation/tuning.sql")
    ((winner,),) = db.run("evaluation/questions/best_setting.sql")
    db.drop(*MEASURED_TABLES, "tried_settings", "validation_events")
    return str(winner)


def _evaluate(work: _Work, models: dict[str, ModelOptions]) -> None:
    """The figures of all settings and baselines, by user and over all."""
    for number, (name, model) in enumerate(models.items(), start=1):
        _measure_model(work, name, model, number, (*LIST_METRICS, *PAIR_METRICS))
    exclude_heard = work.options.exclude_heard
    for number, name in enumerate(BASELINES, start=len(models) + 1):
        with work.stages(name).stage("lists"):
            work.db.run(f"evaluation/baselines/{name}.sql")
            work.db.run("evaluation/baseline_lists.sql", baseline=name, exclude_heard=exclude_heard)
            work.db.run("evaluation/baseline_test_scores.sql", baseline=name)
            _measure(work.db, number, (*LIST_METRICS, *PAIR_METRICS))
    _estimate(work)


def _measure_model(
    work: _Work, name: str, model: ModelOptions, number: int, metrics: Sequence[str]
) -> None:
    """Adds what one setting reaches to the figures by user."""
    from ubcf.building.scores import score

    db, stages = work.db, work.stages(name)
    with stages.stage("model"):
        db.drop(*MODEL_TABLES, *SETTING_TABLES)
        center_times(db, model)
        store_interactions(db)
    if set(metrics) & set(LIST_METRICS):
        score(db, replace(work.build_options, model=model), stages)
        db.run("evaluation/model_lists.sql")
    if set(metrics) & set(PAIR_METRICS):
        with stages.stage("test tracks"):
            _score_test_tracks(db, model, work.build_options.thread_count)
            db.run("evaluation/model_test_scores.sql")
    with stages.stage("measure"):
        _measure(db, number, metrics)


def _score_test_tracks(db: Database, model: ModelOptions, threads: int) -> None:
    """The table pair_scores: what the model says of each row of truth."""
    import numpy as np

    from ubcf.scoring.matrices import ModelMatrices
    from ubcf.scoring.pairs import predict_deviations, score_pairs
    from ubcf.scoring.planner import worth_compiling

    matrices = ModelMatrices.from_indexed(db.arrays("indexed_interactions"))
    truth = db.arrays("truth")
    known = np.flatnonzero(~np.ma.getmaskarray(truth["track_index"]))
    pairs = truth["user_index"][known], np.asarray(truth["track_index"])[known]
    neighborhood = model.neighborhood
    score, deviation = np.zeros((2, len(truth["pair"])))
    compiled = worth_compiling(matrices.pattern.nnz, len(np.unique(pairs[0])))
    score[known] = score_pairs(
        matrices,
        neighborhood,
        *pairs,
        self_weight=model.self_weight,
        threads=threads,
        compiled=compiled,
    )
    deviation[known] = predict_deviations(
        matrices,
        neighborhood,
        *pairs,
        damping=model.damping,
        threads=threads,
        compiled=compiled,
    ).deviation
    db.append("pair_scores", {"pair": truth["pair"], "score": score, "deviation": deviation})
    db.flush()


def _measure(db: Database, number: int, metrics: Sequence[str]) -> None:
    """Adds the figures of one setting, by user, from its lists and scores of test tracks."""
    db.set(setting_number=number)
    if set(metrics) & set(LIST_METRICS):
        for table in ("hits", "hit_counts", "coverage_values"):
            db.run(f"evaluation/{table}.sql")
    for metric in metrics:
        db.run(f"evaluation/metrics/{metric}.sql")
    db.run("evaluation/user_values.sql", metrics=metrics)


def _estimate(work: _Work) -> None:
    """The tables series and estimates: the figures over all users, with their intervals."""
    import numpy as np

    from ubcf.evaluation.bootstrap import estimate

    db = work.db
    for table in ("series", "series_values"):
        db.run(f"evaluation/{table}.sql")
    series, found = db.arrays("series"), db.arrays("series_values")
    users, place = np.unique(found["user_index"], return_inverse=True)
    values, weights = np.zeros((2, len(users), len(series["series"])))
    values[place, found["series"]] = found["value"]
    weights[place, found["series"]] = found["weight"]
    estimates = estimate(values, weights, series["quadratic"], series["first"], work.options.seed)
    db.append("estimates", {"series": series["series"], **vars(estimates)})
    db.flush()


def _name_settings(
    db: Database, models: Sequence[tuple[str, ModelOptions | None]], kind: str, target: str
) -> None:
    """The table `target`: what was evaluated, in order; baselines are those without options."""
    db.set(
        setting_names=[name for name, _ in models],
        setting_kinds=[
            "baseline" if model is None else "tuned" if name.startswith(TUNED) else kind
            for name, model in models
        ],
        setting_options=[
            None if model is None else json.dumps(asdict(model)) for _, model in models
        ],
    )
    db.run("evaluation/settings.sql", target=target)


def _record(
    work: _Work,
    models: dict[str, ModelOptions],
    logs: PathLike | Sequence[PathLike],
    test: PathLike | Sequence[PathLike] | None,
) -> None:
    """The tables that stay, and their comments."""
    db, options = work.db, work.options

    def names(places: PathLike | Sequence[PathLike] | None) -> list[str] | None:
        if places is None:
            return None
        listed = [places] if isinstance(places, str | os.PathLike) else places
        return [Path(place).as_posix() for place in listed]

    recorded = {"logs": names(logs), "test": names(test), **asdict(options)}
    db.set(options=json.dumps(recorded))
    baselines: list[tuple[str, None]] = [(name, None) for name in BASELINES]
    _name_settings(db, [*models.items(), *baselines], "model", "settings")
    for table in ("evaluation", "metrics", "metrics_by_user"):
        db.run(f"evaluation/{table}.sql")
    db.drop("interactions", "logged_events", "test_logs")
    db.run("evaluation/comments.sql", tuning=bool(options.grid))
