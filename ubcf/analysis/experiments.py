"""The A/B experiments of the service: the effect of each treatment compared with the control.

The unit of analysis is the user: sql/analysis/experiment_users.sql makes one row per user and
treatment, and the means over these rows are compared.
"""

from __future__ import annotations

import io
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from ubcf.analysis.experiment_text import heading, write_effects
from ubcf.analysis.named_analyses import query
from ubcf.analysis.repeats import suspicious_repeats
from ubcf.analysis.statistics import (
    Sample,
    compare_means,
    holm,
    in_percent,
    mean_interval,
    split_p_value,
)
from ubcf.database.reading import on_own_cursor
from ubcf.errors import NotFoundError, OptionError, QueryError, printable
from ubcf.printing import Printed

# The metrics of a user under a treatment, columns of sql/analysis/experiment_users.sql: listening
# time (in tracks); sessions; tracks and listening time per session; mean latency of a request, in
# seconds.
METRICS = (
    "time_per_user",
    "sessions",
    "tracks_per_session",
    "time_per_session",
    "request_latency",
)

# Metrics that are better when they are smaller.
SMALLER_IS_BETTER = frozenset({"request_latency"})

# Each experiment takes a query over all events: one log line that names 100,000 would take minutes.
MOST_EXPERIMENTS = 1_000

# The default control: the treatment with the first of these names, in any case.
USUAL_CONTROLS = ("c", "control")

# The usual threshold for the p value of a sample ratio mismatch: below it, the assignment of users
# is more likely at fault than chance.
SAMPLE_RATIO_ALPHA = 0.001


@dataclass(frozen=True)
class Arm:
    """A treatment of an experiment: its users, and how many of them are in another arm as well."""

    treatment: str
    users: int
    users_in_other_arms: int


@dataclass(frozen=True)
class Effect:
    """The effect of a treatment on a metric, compared with the control.

    users, mean, variance: of the users of the treatment that have a value, in the unit of the
    metric; mean_low, mean_high: the confidence interval of the mean; control_...: the same of the
    control. effect, low, high: the difference of the means and
    its confidence interval, in percent of the control's mean. adjusted_p_value: by Holm's method,
    over all effects of the experiment. significant: whether it is below alpha. A value is None
    where it is not defined.
    """

    metric: str
    treatment: str
    users: int
    mean: float | None
    mean_low: float | None
    mean_high: float | None
    variance: float | None
    control_users: int
    control_mean: float | None
    control_mean_low: float | None
    control_mean_high: float | None
    control_variance: float | None
    effect: float | None
    low: float | None
    high: float | None
    p_value: float | None
    adjusted_p_value: float | None
    significant: bool

    @property
    def is_better(self) -> bool:
        """Whether the treatment changed the metric in the direction that is wanted."""
        if self.mean is None or self.control_mean is None:
            return False
        grew = self.mean > self.control_mean
        return grew != (self.metric in SMALLER_IS_BETTER)


@dataclass(frozen=True)
class Experiment:
    """An experiment: its arms, the control first, and the effects of the others on each metric.

    control: None if no treatment has the name of a control; then there are no effects.
    sample_ratio_p_value: of the test that users are split between the arms as planned; None if
    there is only one. warnings: one sentence for each reason to read the effects with care. notes:
    how to read them.
    """

    name: str
    control: str | None
    alpha: float
    arms: list[Arm]
    sample_ratio_p_value: float | None
    effects: list[Effect]
    warnings: list[str]
    notes: list[str]


class Experiments(Printed, tuple[Experiment, ...]):
    """Experiments, which print as `ubcf experiment` does, with what it warns of."""

    def __str__(self) -> str:
        out = io.StringIO()
        for number, each in enumerate(self):
            out.write("\n" if number else "")
            out.write(f"{heading(each)}\n")
            write_effects(each, "table", out)
            for kind, texts in (("warning", each.warnings), ("note", each.notes)):
                out.writelines(printable(f"{kind}: {text}") + "\n" for text in texts)
        return out.getvalue().rstrip("\n")

    def __repr__(self) -> str:
        return f"<{', '.join(each.name for each in self)}>"


@on_own_cursor
def experiment(
    connection: duckdb.DuckDBPyConnection,
    name: str | None = None,
    *,
    control: str | None = None,
    alpha: float = 0.05,
    metrics: Sequence[str] = METRICS,
    split: Mapping[str, float] | None = None,
) -> Experiments:
    """The A/B experiments of the logs, or the one with this name: what each treatment changed.

    Arguments and errors are those of `analyze_experiments`: control, the treatment to compare with;
    alpha, intervals cover 1 - alpha; metrics, some of METRICS; split, the share of the users that
    was planned for each treatment.
    """
    return Experiments(
        analyze_experiments(
            connection, name, control=control, alpha=alpha, metrics=metrics, split=split
        )
    )


def analyze_experiments(
    connection: duckdb.DuckDBPyConnection,
    name: str | None = None,
    *,
    control: str | None = None,
    alpha: float = 0.05,
    metrics: Sequence[str] = METRICS,
    split: Mapping[str, float] | None = None,
) -> list[Experiment]:
    """The experiments of the logs, or the one with this name, each with its effects.

    control: the treatment to compare with; by default the one named C or control, in any case.
    alpha: intervals cover 1 - alpha; an effect is significant if its p value, adjusted for the
    number of effects of the experiment, is below alpha. metrics: some of METRICS.
    split: the share of the users that was planned for each treatment; None: equal shares. Of
    several experiments, those without a control come without effects, with a warning.
    Raises NotFoundError for an unknown experiment, control or metric, and when the logs name no
    experiment; OptionError for an alpha that is not between 0 and 1, or no metric; QueryError for
    values too large to add up, such as latencies of 1e200 seconds.
    """
    if not 0 < alpha < 1:
        raise OptionError(f"alpha is {alpha}; it must be between 0 and 1")
    if not metrics:
        raise OptionError(f"no metric is given; there are {', '.join(METRICS)}")
    for metric in metrics:
        if metric not in METRICS:
            raise NotFoundError(f"no metric {metric!r}; there are {', '.join(METRICS)}")
    arms: dict[str, list[Arm]] = {}
    for experiment, *arm, _ in query(connection, "experiments").fetchall():
        arms.setdefault(experiment, []).append(Arm(*arm))
    if not arms:
        raise NotFoundError("the logs name no experiment")
    if name is not None and name not in arms:
        raise NotFoundError(f"no experiment {name!r} in this database; there are {_quoted(arms)}")
    names = list(arms) if name is None else [name]
    names, left_out = names[:MOST_EXPERIMENTS], names[MOST_EXPERIMENTS:]
    if split is not None:
        _check_split(split, {each: arms[each] for each in names})
    controls = {each: _control_or_reason(each, arms[each], control) for each in names}
    reasons = [found for found in controls.values() if isinstance(found, NotFoundError)]
    if len(reasons) == len(names):
        raise reasons[0]
    experiments = [
        _without_effects(each, arms[each], alpha, split, found)
        if isinstance(found, NotFoundError)
        else _analyze(
            connection, each, arms[each], found, alpha, tuple(dict.fromkeys(metrics)), split
        )
        for each, found in controls.items()
    ]
    repeats = suspicious_repeats(connection)
    if repeats is not None:
        for each in experiments:
            each.warnings.append(
                f"{repeats}: plays and sessions count more than once; build with --repeats drop"
            )
    if left_out:
        experiments[0].warnings.append(
            f"the logs name {len(names) + len(left_out):,} experiments, more than a service runs; "
            f"only the first {MOST_EXPERIMENTS:,} by name are analyzed; left out, from "
            f"{left_out[0]!r} to {left_out[-1]!r}, are those that NAME analyzes"
        )
    return experiments


def _check_split(split: Mapping[str, float], arms: Mapping[str, Sequence[Arm]]) -> None:
    """Raises OptionError for a split that does not fit the treatments of the experiments."""
    for treatment, share in split.items():
        if not (math.isfinite(share) and share > 0):
            raise OptionError(f"split of {treatment} is {share}; it must be finite, and above 0")
    for name, of_experiment in arms.items():
        treatments = [arm.treatment for arm in of_experiment]
        if set(treatments) != set(split):
            raise OptionError(
                f"split is of {_quoted(split)}; experiment {name!r} has the treatments"
                f" {_quoted(treatments)}"
            )


def _control_or_reason(name: str, arms: Sequence[Arm], chosen: str | None) -> str | NotFoundError:
    """The control of an experiment, or why there is none."""
    try:
        return _control(name, [arm.treatment for arm in arms], chosen)
    except NotFoundError as error:
        return error


def _without_effects(
    name: str,
    arms: Sequence[Arm],
    alpha: float,
    split: Mapping[str, float] | None,
    reason: NotFoundError,
) -> Experiment:
    """An experiment that has nothing to compare with."""
    ratio = _split_p_value(arms, split)
    warnings = [*_warnings_of_arms(name, arms, ratio, split), f"left out: {reason}"]
    return Experiment(name, None, alpha, list(arms), ratio, [], warnings, [])


def _split_p_value(arms: Sequence[Arm], split: Mapping[str, float] | None) -> float | None:
    shares = None if split is None else [split[arm.treatment] for arm in arms]
    return split_p_value([arm.users for arm in arms], shares)


def _analyze(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    arms: Sequence[Arm],
    control: str,
    alpha: float,
    metrics: Sequence[str],
    split: Mapping[str, float] | None,
) -> Experiment:
    """The experiment `name`, whose treatments are `arms`."""
    control_first = sorted(arms, key=lambda arm: (arm.treatment != control, arm.treatment))
    treatments = [arm.treatment for arm in control_first[1:]]
    samples = _samples(connection, name, metrics)
    effects = _effects(samples, metrics, treatments, control, alpha)
    sample_ratio = _split_p_value(arms, split)
    warnings = [
        *_warnings_of_arms(name, control_first, sample_ratio, split),
        *_warnings_of_effects(effects, control),
    ]
    notes = _notes(effects, alpha)
    return Experiment(name, control, alpha, control_first, sample_ratio, effects, warnings, notes)


def _control(name: str, treatments: Sequence[str], chosen: str | None) -> str:
    """The control: the treatment that was chosen, or the one with a usual name."""
    if chosen is not None:
        if chosen not in treatments:
            raise NotFoundError(
                f"experiment {name!r} has no treatment {chosen!r}; there are {_quoted(treatments)}"
            )
        return chosen
    for usual in USUAL_CONTROLS:
        for treatment in treatments:
            if treatment.lower() == usual:
                return treatment
    raise NotFoundError(
        f"experiment {name!r} has no treatment named C or control; name the control by --control,"
        f" one of {_quoted(treatments)}"
    )


def _samples(
    connection: duckdb.DuckDBPyConnection, name: str, metrics: Sequence[str]
) -> dict[tuple[str, str], Sample]:
    """The users that have a value, with its mean and variance, by metric and treatment."""
    users = query(connection, "experiment_users", experiment=name)
    # Summed in the order of the values, so that the sums do not depend on the number of threads.
    measures = ", ".join(
        f"count({metric}), avg({metric} order by {metric}), var_samp({metric} order by {metric})"
        for metric in metrics
    )
    try:
        rows = users.aggregate(f"treatment, {measures}", "treatment").fetchall()
    except duckdb.OutOfRangeException:
        # Older versions of DuckDB raise this for an infinite variance.
        rows = [(None, math.inf)]
    if not all(
        math.isfinite(value) for _, *values in rows for value in values if value is not None
    ):
        raise QueryError(f"experiment {name!r}: {', '.join(metrics)}: values too large to add up")
    return {
        (metric, treatment): Sample(*values[3 * index : 3 * index + 3])
        for treatment, *values in rows
        for index, metric in enumerate(metrics)
    }


def _effects(
    samples: Mapping[tuple[str, str], Sample],
    metrics: Sequence[str],
    treatments: Sequence[str],
    control: str,
    alpha: float,
) -> list[Effect]:
    """The effect of each treatment on each metric; p values are adjusted over all of them."""
    pairs = [(metric, treatment) for metric in metrics for treatment in treatments]
    differences = [
        compare_means(samples[metric, treatment], samples[metric, control], alpha)
        for metric, treatment in pairs
    ]
    adjusted = holm([difference.p_value for difference in differences])
    effects = []
    for pair, difference, adjusted_p_value in zip(pairs, differences, adjusted, strict=True):
        metric, treatment = pair
        sample, control_sample = samples[pair], samples[metric, control]
        interval = mean_interval(sample, alpha)
        control_interval = mean_interval(control_sample, alpha)
        percent = in_percent(difference, control_sample.mean)
        effects.append(
            Effect(
                metric=metric,
                treatment=treatment,
                users=sample.size,
                mean=sample.mean,
                mean_low=None if interval is None else interval[0],
                mean_high=None if interval is None else interval[1],
                variance=sample.variance,
                control_users=control_sample.size,
                control_mean=control_sample.mean,
                control_mean_low=None if control_interval is None else control_interval[0],
                control_mean_high=None if control_interval is None else control_interval[1],
                control_variance=control_sample.variance,
                effect=percent.difference,
                low=percent.low,
                high=percent.high,
                p_value=difference.p_value,
                adjusted_p_value=adjusted_p_value,
                significant=adjusted_p_value is not None and adjusted_p_value < alpha,
            )
        )
    return effects


def _warnings_of_arms(
    name: str,
    arms: Sequence[Arm],
    sample_ratio: float | None,
    split: Mapping[str, float] | None,
) -> list[str]:
    """Warnings about the assignment of users to arms."""
    warnings = []
    if len(arms) == 1:
        warnings.append(f"all users are in {arms[0].treatment}: there is nothing to compare")
    shared = [arm for arm in arms if arm.users_in_other_arms]
    if shared:
        counts = ", ".join(f"{arm.users_in_other_arms:,} of {arm.treatment}" for arm in shared)
        warnings.append(
            f"some users are in several arms ({counts}); list them with: ubcf query"
            f" treatment_assignment_conflicts --param {shlex.quote(f'experiment={name}')}"
        )
    if sample_ratio is not None and sample_ratio < SAMPLE_RATIO_ALPHA:
        counts = ", ".join(f"{arm.users:,} ({arm.treatment})" for arm in arms)
        planned, unless = "an even split", "unless the split was meant to be uneven (--split), "
        if split is not None:
            planned, unless = "the planned split", ""
        warnings.append(
            f"sample ratio mismatch: arms of {counts} users are unlikely under {planned}"
            f" (chi-square test, p = {sample_ratio:.2g}); {unless}do not trust the effects"
        )
    return warnings


def _warnings_of_effects(effects: Sequence[Effect], control: str) -> list[str]:
    """Warnings about values that are not defined."""
    warnings = []
    for effect in effects:
        subject = f"{effect.metric} of {effect.treatment}"
        if effect.users < 2 or effect.control_users < 2:
            warnings.append(
                f"{subject}: no interval and no p value; each arm needs two users with a value"
                f" ({effect.treatment} has {effect.users}, {control} has {effect.control_users})"
            )
        elif effect.p_value is None:
            warnings.append(
                f"{subject}: no interval and no p value; the values do not vary in either arm"
            )
        elif effect.effect is None:
            warnings.append(f"{subject}: no percentage; the mean of {control} is 0")
    return warnings


def _notes(effects: Sequence[Effect], alpha: float) -> list[str]:
    """How to read several effects."""
    comparisons = sum(effect.p_value is not None for effect in effects)
    if comparisons < 2:
        return []
    note = (
        f"{comparisons} comparisons: an effect is significant if its adjusted p value (Holm) is"
        f" below {alpha:g}"
    )
    return [note]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
