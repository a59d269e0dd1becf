"""The evaluation: hides a part of the logs, builds on the rest, measures on the hidden part."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

from ubcf._version import __version__
from ubcf.building.inputs.log_options import LogOptions, take_log_options
from ubcf.building.inputs.logs import Place, as_places, refuse_log_names
from ubcf.building.inputs.standard_input import StandardInput, reads_standard_input
from ubcf.building.inputs.transfer import FRAME, Inputs, find_inputs, places_on_disk
from ubcf.building.memory import database_memory, may_load_kernels
from ubcf.building.modeling import (
    MODEL_TABLES,
    PLAY_TABLES,
    center_times,
    count_plays,
    store_interactions,
)
from ubcf.building.options import BuildOptions, PathLike, WorkKeywords
from ubcf.building.staging import read_logs, refuse_rejected_lines
from ubcf.database.parts import Parts
from ubcf.database.reading import EVALUATION_DATABASE, connect_locked
from ubcf.database.templates import Templates
from ubcf.database.writing import Database
from ubcf.errors import InputError, MemoryLimitError
from ubcf.evaluation.keywords import EvaluationKeywords
from ubcf.evaluation.options import (
    BASELINES,
    ERRORS,
    LIST_METRICS,
    METRICS,
    PAIR_METRICS,
    USER_METRICS,
    EvaluationOptions,
)
from ubcf.files import Publication, check_target
from ubcf.keywords import with_options
from ubcf.printing import Printed
from ubcf.progress import Progress, Stages, no_progress
from ubcf.remote import is_remote, shown
from ubcf.scoring.options import ModelOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from ubcf.evaluation.bootstrap import Samples

# The prefix of the name of the setting chosen from a grid.
TUNED = "tuned: "

# Tables of one setting, replaced by those of the next one.
SETTING_TABLES = ("user_measures", "similar_users", "user_weights", "top_tracks", "pair_scores")

# Tables to which each setting adds its values.
MEASURED_TABLES = ("user_values", "coverage_values", "estimates")


@dataclass(frozen=True, repr=False)
class Evaluation(Printed):
    """The results of an evaluation: rows of the tables in its database.

    lines, rejected: log lines, and how many of them were rejected. suspicious_repeats: lines that
    repeat another and count all the same, if chance does not explain them; else 0. figures: the row
    of the table evaluation. tuning: empty without a grid. advice: empty without a comparison.
    """

    database: str
    lines: int
    rejected: int
    suspicious_repeats: int
    figures: dict[str, Any]
    settings: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    tuning: list[dict[str, Any]]
    advice: list[dict[str, Any]]

    def tables(self, connection: duckdb.DuckDBPyConnection) -> Parts:
        """The tables of the results in the database, as `ubcf evaluate` prints them."""
        names = [
            "evaluation",
            *(["tuning"] if self.tuning else []),
            "metrics",
            *(["advice"] if self.advice else []),
        ]
        tables = {name: connection.table(name) for name in names}
        return Parts(connection, tables, one_row=("evaluation",))

    def __str__(self) -> str:
        """The tables of `ubcf evaluate`, read from the database."""
        with connect_locked(self.database) as connection:
            return str(self.tables(connection))

    def __repr__(self) -> str:
        names = ", ".join(str(row["setting"]) for row in self.settings)
        return f"<evaluation of {names}: {self.database}>"


@with_options(EvaluationKeywords, BuildOptions, EvaluationOptions, LogOptions)
def evaluate(
    logs: Place | Sequence[Place] = "data",
    *,
    test: Place | Sequence[Place] | None = None,
    database: PathLike = "evaluation.duckdb",
    progress: Progress | None = None,
    **options: Unpack[EvaluationKeywords],
) -> Evaluation:
    """Measures settings of the model, and baselines, on held-out events.

    test: logs with the test part; None splits `logs`. options: the fields of
    `ubcf.evaluation.options.EvaluationOptions`, such as split='random' or settings=['listening'],
    how the logs are read: those of `ubcf.building.inputs.log_options.LogOptions`, and max_rejected,
    templates, threads and memory_limit, as for a build. progress: reports the stages. The database
    has the tables evaluation, settings, split_events, metrics and metrics_by_user, with a grid
    tuning, and with compare advice. Raises a UbcfError, and leaves an older database as it was,
    when logs or options cannot be used or a part is empty.
    """
    given: dict[str, Any] = {**options}
    of_logs = take_log_options(given)
    work = {name: given.pop(name) for name in WorkKeywords.__annotations__ if name in given}
    chosen = EvaluationOptions(**given)
    build_options = BuildOptions(
        top=max(chosen.at),
        exclude_heard=chosen.exclude_heard,
        store_neighbors=0,
        logs=of_logs,
        **work,
    )
    templates = build_options.templates
    overlaid = Templates(None if templates is None else Path(templates))
    parts = [as_places(logs), *([] if test is None else [as_places(test)])]
    reads_standard_input([place for places in parts for place in places])
    with StandardInput() as stdin:
        inputs = [
            find_inputs(
                places,
                pattern=build_options.logs.pattern,
                has_catalog=False,
                standard_input=stdin,
            )
            for places in parts
        ]
        return _evaluate(database, overlaid, parts, inputs, chosen, build_options, progress)


def _evaluate(
    database: PathLike,
    overlaid: Templates,
    parts: list[list[Place]],
    inputs: list[Inputs],
    chosen: EvaluationOptions,
    build_options: BuildOptions,
    progress: Progress | None,
) -> Evaluation:
    """See `evaluate`. parts, inputs: the places and the logs, of the test part too if given."""
    path = _target(database, overlaid, parts, inputs, build_options)
    with Publication(path) as publication:
        temporary_folder = publication.temporary_folder(path)
        with Database(
            publication.unfinished(path),
            overlaid,
            threads=build_options.thread_count,
            memory=database_memory(build_options.memory),
            temporary_folder=temporary_folder,
        ) as db:
            work = _Work(db, chosen, build_options, temporary_folder, progress or no_progress)
            _set_variables(work)
            counts = _read_and_split(work, inputs)
            _use_parts(work, "split_events")
            models = chosen.models
            if chosen.grid:
                best = _tune(work)
                models[TUNED + best] = chosen.grid[best]
                _use_parts(work, "split_events")
            models, left_out = _measure_models(work, models)
            _measure_baselines(work, first=len(models) + 1)
            samples = _estimate(work)
            _record(work, models, parts)
            if chosen.compare:
                from ubcf.evaluation.advice import store_advice

                store_advice(db, samples, left_out, chosen.seed)
            _finish(work)
            evaluation = _results(work, os.fspath(database), counts)
        publication.publish()
    return evaluation


def _target(
    database: PathLike,
    templates: Templates,
    parts: list[list[Place]],
    inputs: list[Inputs],
    build_options: BuildOptions,
) -> Path:
    """Returns where to write the database.

    Raises OptionError for a file that must not be, or for more logs than the memory bears.
    """
    build_options.check_files(sum(len(part.logs) + len(part.urls) for part in inputs))
    read = [*(path for part in inputs for path in part.paths), *templates.overlay_files()]
    path = check_target(database, EVALUATION_DATABASE, read)
    places = places_on_disk([place for part in parts for place in part])
    refuse_log_names(places, path, pattern=build_options.logs.pattern)
    return path


@dataclass(frozen=True)
class _Work:
    """What all steps of an evaluation need."""

    db: Database
    options: EvaluationOptions
    build_options: BuildOptions
    temporary_folder: Path
    progress: Progress

    def stages(self, setting: str) -> Stages:
        """Stages that are reported under the name of a setting."""

        def named(name: str, length: int | None) -> AbstractContextManager[Callable[[int], None]]:
            return self.progress(f"{setting}: {name}", length)

        return Stages(named)


def _set_variables(work: _Work) -> None:
    """Sets the variables that all templates read, and makes the table cuts."""
    db, options = work.db, work.options
    db.set(seed=options.seed, test_share=options.test_share, cuts=sorted(set(options.at)))
    db.set(top=max(options.at), metric_names=list(METRICS), version=__version__)
    least, most = work.build_options.logs.times
    db.set(time_least=least, time_most=most)
    db.run("evaluation/cuts.sql")


def _read_and_split(work: _Work, inputs: list[Inputs]) -> _LineCounts:
    """Makes the table split_events."""
    logs, *test = inputs
    counts = _read(work, logs, "logged_events")
    if not test:
        _split(work.db, work.options.split, "logged_events")
        return counts
    of_test = _read(work, test[0], "test_logs")
    _split(work.db, "given", "logged_events")
    return _LineCounts(*map(sum, zip(counts, of_test, strict=True)))


class _LineCounts(NamedTuple):
    """See the fields of Evaluation."""

    lines: int
    rejected: int
    suspicious_repeats: int


def _read(work: _Work, inputs: Inputs, target: str) -> _LineCounts:
    """Makes the table `target` of the events of logs."""
    db = work.db
    stages = Stages(work.progress)
    found, _ = inputs.fetched(work.temporary_folder, stages)
    read_logs(db, db.templates, found, work.temporary_folder, stages, work.build_options.logs)
    refuse_rejected_lines(db, work.build_options.max_rejected)
    ((lines, rejected, *_),) = db.run("staging/questions/rejected_share.sql")
    ((repeated,),) = db.execute(
        "select case when getvariable('suspicious_repeats') then getvariable('duplicate_lines') end"
    )
    db.run("evaluation/logged.sql", target=target)
    db.drop("rejected_lines", "build_inputs")
    return _LineCounts(lines, rejected, repeated or 0)


def _place_name(place: Place) -> str:
    if not isinstance(place, str | os.PathLike):
        return FRAME
    return shown(place) if is_remote(place) else Path(place).as_posix()


def _split(db: Database, split: str, source: str, target: str = "split_events") -> None:
    """Makes the table `target`: the events of `source`, each in the training or the test part."""
    if split in ("time", "last"):
        ((undated,),) = db.run("evaluation/questions/undated_events.sql", source=source)
        if undated == db.count(source):
            raise InputError(
                f"none of {undated:,} events has a timestamp, which the split {split!r} needs; "
                "'random' needs none"
            )
    db.run(f"evaluation/splits/{split}.sql", source=source, target=target)


def _use_parts(work: _Work, source: str) -> None:
    """Makes the training part of `source` the table events, which models read; and the truth.

    Raises InputError when a part is empty, or no user can be measured.
    """
    db = work.db
    for table in ("events", "test_events"):
        db.run(f"evaluation/{table}.sql", source=source)
    ((training, test),) = db.run("evaluation/questions/part_sizes.sql", source=source)
    if not training or not test:
        empty = "test" if training else "training"
        raise InputError(
            f"none of {training + test:,} events is in the {empty} part: there are too few, or all "
            "have one timestamp; try another split or test share"
        )
    db.drop(*PLAY_TABLES)
    count_plays(db)
    db.run("evaluation/truth.sql", exclude_heard=work.options.exclude_heard)
    db.run("evaluation/counted_users.sql")
    if not db.count("counted_users"):
        raise InputError(
            "no user of the training part has a relevant track in the test part: one listened to "
            "for longer than the user's mean time in the training part; logs without times have "
            "none"
        )


def _tune(work: _Work) -> str:
    """Measures the grid on a split of the training part alone; returns the name of the best.

    Makes the table tuning.
    """
    db, options = work.db, work.options
    _split(db, options.split, "events", "validation_events")
    _use_parts(work, "validation_events")
    metric = options.tune_for
    for number, (name, model) in enumerate(options.grid.items(), start=1):
        _measure_model(work, f"trial {number}: {name}", model, number, (metric,))
    _store_settings(db, list(options.grid.items()), "tuned", "tried_settings")
    _estimate(work)
    cut = max(options.at) if metric in LIST_METRICS else None
    db.set(sign=-1 if metric in ERRORS else 1, tuned_cut=cut)
    db.run("evaluation/tuning.sql")
    ((winner,),) = db.run("evaluation/questions/best_setting.sql")
    db.drop(*MEASURED_TABLES, "tried_settings", "validation_events")
    return str(winner)


def _measure_models(
    work: _Work, models: dict[str, ModelOptions]
) -> tuple[dict[str, ModelOptions], dict[str, str]]:
    """Measures the settings, by user; returns those measured, and why others are left out.

    Left out are, in a comparison, those whose scores need more memory.
    """
    measured: dict[str, ModelOptions] = {}
    left_out: dict[str, str] = {}
    for name, model in models.items():
        try:
            _measure_model(work, name, model, len(measured) + 1, USER_METRICS)
            measured[name] = model
        except MemoryLimitError as error:
            if not work.options.compare:
                raise
            left_out[name] = str(error)
    if not measured:
        raise MemoryLimitError(next(iter(left_out.values())))
    return measured, left_out


def _measure_baselines(work: _Work, first: int) -> None:
    """Measures the baselines, by user; first: the number of the first one."""
    exclude_heard = work.options.exclude_heard
    for number, name in enumerate(BASELINES, start=first):
        with work.stages(name).stage("lists"):
            work.db.run(f"evaluation/baselines/{name}.sql")
            work.db.run("evaluation/baseline_lists.sql", baseline=name, exclude_heard=exclude_heard)
            work.db.run("evaluation/baseline_test_scores.sql", baseline=name)
            _measure(work.db, number, USER_METRICS)


def _measure_model(
    work: _Work, name: str, model: ModelOptions, number: int, metrics: Sequence[str]
) -> None:
    """Adds the values of one setting to the table user_values."""
    from ubcf.building.scores import score

    db, stages = work.db, work.stages(name)
    with stages.stage("model"):
        db.drop(*MODEL_TABLES, *SETTING_TABLES)
        center_times(db, model)
        store_interactions(db)
    if set(metrics) & set(LIST_METRICS):
        score(db, replace(work.build_options, model=model), stages, store_weights=False)
        db.run("evaluation/model_lists.sql")
    if set(metrics) & set(PAIR_METRICS):
        with stages.stage("test tracks"):
            _score_test_tracks(db, model, work.build_options)
            db.run("evaluation/model_test_scores.sql")
    with stages.stage("measure"):
        _measure(db, number, metrics)


def _score_test_tracks(db: Database, model: ModelOptions, build_options: BuildOptions) -> None:
    """Makes the table pair_scores: the score and the predicted deviation of each row of truth.

    Both are 0 for a track that the training part does not have.
    """
    import numpy as np

    from ubcf.scoring.matrices import ModelMatrices
    from ubcf.scoring.pairs import score_pairs
    from ubcf.scoring.planner import worth_compiling
    from ubcf.scoring.predictions import predicted_deviations
    from ubcf.scoring.walk import weights_function

    matrices = ModelMatrices.from_indexed(db.arrays("indexed_interactions"), model)
    truth = db.arrays("truth")
    known = np.flatnonzero(~np.ma.getmaskarray(truth["track_index"]))
    pairs = truth["user_index"][known], np.asarray(truth["track_index"])[known]
    neighborhood = model.neighborhood
    score, deviation = np.zeros((2, len(truth["pair"])))
    threads = build_options.thread_count
    compiled = may_load_kernels(build_options.memory) and worth_compiling(
        matrices.pattern.nnz, len(np.unique(pairs[0]))
    )
    weights_of = weights_function(
        matrices,
        neighborhood,
        model.users_reached,
        model.ridge_over_users,
        threads=threads,
        compiled=compiled,
    )
    score[known] = score_pairs(matrices, weights_of, *pairs, threads=threads)
    deviation[known] = predicted_deviations(
        matrices,
        neighborhood,
        *pairs,
        damping=model.damping,
        own_tracks=model.own_tracks,
        threads=threads,
        compiled=compiled,
    ).deviation
    db.append("pair_scores", {"pair": truth["pair"], "score": score, "deviation": deviation})
    db.flush()


def _measure(db: Database, number: int, metrics: Sequence[str]) -> None:
    """Adds the values of one setting to user_values, from its lists and test scores."""
    db.set(setting_number=number)
    if set(metrics) & set(LIST_METRICS):
        for table in ("hits", "hit_counts", "coverage_values"):
            db.run(f"evaluation/{table}.sql")
    if set(metrics) & set(ERRORS):
        db.run("evaluation/test_errors.sql")
    for metric in metrics:
        db.run(f"evaluation/metrics/{metric}.sql")
    db.run("evaluation/user_values.sql", metrics=metrics)


def _estimate(work: _Work) -> Samples:
    """Makes the tables series and estimates: the values over all users, with intervals.

    Returns the values of the users, by series.
    """
    import numpy as np

    from ubcf.evaluation.bootstrap import Samples, estimate

    db = work.db
    for table in ("series", "series_values"):
        db.run(f"evaluation/{table}.sql")
    series, found = db.arrays("series"), db.arrays("series_values")
    users, row = np.unique(found["user_index"], return_inverse=True)
    values, weights = np.zeros((2, len(users), len(series["series"])))
    values[row, found["series"]] = found["value"]
    weights[row, found["series"]] = found["weight"]
    samples = Samples(values, weights, series["quadratic"])
    estimates = estimate(samples, series["first"], work.options.seed)
    db.append("estimates", {"series": series["series"], **vars(estimates)})
    db.flush()
    return samples


def _store_settings(
    db: Database, models: Sequence[tuple[str, ModelOptions | None]], kind: str, target: str
) -> None:
    """Makes the table `target`: the settings in order; those without options are baselines."""
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
    parts: list[list[Place]],
) -> None:
    """Makes the tables of results."""
    db, options = work.db, work.options
    logs, *test = [list(map(_place_name, places)) for places in parts]
    names = {"logs": logs, "test": test[0] if test else None}
    recorded = {
        **names,
        **asdict(options),
        "settings": options.texts,
        **work.build_options.logs.recorded(),
    }
    db.set(options=json.dumps(recorded))
    baselines: list[tuple[str, None]] = [(name, None) for name in BASELINES]
    _store_settings(db, [*models.items(), *baselines], "model", "settings")
    for table in ("evaluation", "metrics", "metrics_by_user"):
        db.run(f"evaluation/{table}.sql")


def _finish(work: _Work) -> None:
    """Comments on the tables of results, and drops the others."""
    work.db.drop("interactions", "logged_events", "test_logs")
    work.db.run(
        "evaluation/comments.sql", tuning=bool(work.options.grid), advice=work.options.compare
    )


def _results(work: _Work, database: str, counts: _LineCounts) -> Evaluation:
    (figures,) = work.db.dictionaries("evaluation")
    return Evaluation(
        database,
        *counts,
        figures,
        settings=work.db.dictionaries("settings"),
        metrics=work.db.dictionaries("metrics"),
        tuning=work.db.dictionaries("tuning") if work.options.grid else [],
        advice=work.db.dictionaries("advice") if work.options.compare else [],
    )
