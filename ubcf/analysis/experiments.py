"""The A/B experiments of the service: what each treatment changed against the control.

SQL makes one row per user and treatment of it (sql/analysis/experiment_users.sql); the means over
these rows are what is compared.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from ubcf.analysis.named_analyses import query
from ubcf.analysis.statistics import Sample, compare_means, even_split_p_value, holm, in_percent
from ubcf.errors import NotFoundError, OptionError, QueryError

# What is measured of a user under a treatment: columns of sql/analysis/experiment_users.sql.
# sessions; tracks and listening time (in tracks) a session; mean latency of a request, in seconds.
METRICS = ("sessions", "tracks_per_session", "time_per_session", "request_latency")

# Treatments that are the control when none is named, in lower case; the first that is there.
USUAL_CONTROLS = ("c", "control")

# The usual threshold of the test of sample ratio mismatch: below it, something is wrong with the
# assignment of users, not with their luck.
SAMPLE_RATIO_ALPHA = 0.001


@dataclass(frozen=True)
class Arm:
    """A treatment of an experiment: its users, and those of them seen in another arm too."""

    treatment: str
    users: int
    users_in_other_arms: int


@dataclass(frozen=True)
class Effect:
    """What a treatment changed in a metric against the control.

    users, mean, variance: over the users of the treatment that have a value, and so those of the
    control; the unit is that of the metric. effect, low, high: the difference of the means and its
    confidence interval, in percent of the control's mean. Each is None where it cannot be told.
    adjusted_p_value: by Holm, over all effects of the experiment; significant: it is below alpha.
    """

    metric: str
    treatment: str
    users: int
    mean: float | None
    variance: float | None
    control_users: int
    control_mean: float | None
    control_variance: float | None
    effect: float | None
    low: float | None
    high: float | None
    p_value: float | None
    adjusted_p_value: float | None
    significant: bool


@dataclass(frozen=True)
class Experiment:
    """An experiment: its arms, the control first, and the effects of all others by metric.

    sample_ratio_p_value: of the arms being meant to have the same number of users; None: there is
    only one arm. warnings: what a reader of the effects has to know, a sentence each.
    """

    name: str
    control: str
    alpha: float
    arms: list[Arm]
    sample_ratio_p_value: float | None
    effects: list[Effect]
    warnings: list[str]


def analyze_experiments(
    connection: duckdb.DuckDBPyConnection,
    name: str | None = None,
    *,
    control: str | None = None,
    alpha: float = 0.05,
    metrics: Sequence[str] = METRICS,
) -> list[Experiment]:
    """The experiments of the logs, or the one of that name, each with its effects.

    control: the treatment to compare with; by default the one named C or control, in any case.
    alpha: the intervals cover 1 - alpha, and an effect is significant with a p value, adjusted for
    the number of effects of its experiment, below alpha.
    Raises NotFoundError for an experiment, a control or a metric that there is not, and when the
    logs name no experiment; OptionError for an alpha that is not between 0 and 1, or no
    metric at all; QueryError for values too large to add up, as latencies of 1e200 seconds.
    """
    if not 0 < alpha < 1:
        raise OptionError(f"alpha is {alpha}; it has to be between 0 and 1")
    if not metrics:
        raise OptionError(f"no metric is given; there are {', '.join(METRICS)}")
    for metric in metrics:
        if metric not in METRICS:
            raise NotFoundError(f"no metric {metric!r}; there are {', '.join(METRICS)}")
    there: dict[str, list[Arm]] = {}
    for experiment, *arm, _ in query(connection, "experiments").fetchall():
        there.setdefault(experiment, []).append(Arm(*arm))
    if not there:
        raise NotFoundError("the logs name no experiment")
    if name is not None and name not in there:
        raise NotFoundError(f"no experiment {name!r} in this database; there are {_list(there)}")
    return [
        _analyze(connection, each, there[each], control, alpha, tuple(dict.fromkeys(metrics)))
        for each in (there if name is None else [name])
    ]


def _analyze(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    arms: Sequence[Arm],
    control: str | None,
    alpha: float,
    metrics: Sequence[str],
) -> Experiment:
    """An experiment with these arms, compared by these metrics."""
    control = _control(name, [arm.treatment for arm in arms], control)
    control_first = sorted(arms, key=lambda arm: (arm.treatment != control, arm.treatment))
    treatments = [arm.treatment for arm in control_first[1:]]
    samples = _samples(connection, name, metrics)
    effects = _effects(samples, metrics, treatments, control, alpha)
    sample_ratio = even_split_p_value([arm.users for arm in arms])
    warnings = [
        *_warnings_of_arms(name, control_first, sample_ratio),
        *_warnings_of_effects(effects, control, alpha),
    ]
    return Experiment(name, control, alpha, control_first, sample_ratio, effects, warnings)


def _control(name: str, treatments: Sequence[str], asked: str | None) -> str:
    """The treatment that the others are compared with."""
    if asked is not None:
        if asked not in treatments:
            there = _list(treatments)
            raise NotFoundError(
                f"experiment {name!r} has no treatment {asked!r}; there are {there}"
            )
        return asked
    for usual in USUAL_CONTROLS:
        for treatment in treatments:
            if treatment.lower() == usual:
                return treatment
    raise NotFoundError(
        f"experiment {name!r} has no treatment named C or control; name the control by --control,"
        f" one of {_list(treatments)}"
    )


def _samples(
    connection: duckdb.DuckDBPyConnection, name: str, metrics: Sequence[str]
) -> dict[tuple[str, str], Sample]:
    """Users with a value, mean and variance over them, by metric and treatment."""
    users = query(connection, "experiment_users", experiment=name)
    # In order of the values, so that the sums do not depend on the threads.
    measures = ", ".join(
        f"count({metric}), avg({metric} order by {metric}), var_samp({metric} order by {metric})"
        for metric in metrics
    )
    try:
        rows = users.aggregate(f"treatment, {measures}", "treatment").fetchall()
    except duckdb.OutOfRangeException:
        # What older versions of DuckDB say of an infinite variance.
        rows = [(None, math.inf)]
    if not all(
        math.isfinite(value) for _, *values in rows for value in values if value is not None
    ):
        raise QueryError(f"experiment {name!r}: {', '.join(metrics)}: values too large to add up")
    return {
        (metric, treatment): Sample(*values[3 * place : 3 * place + 3])
        for treatment, *values in rows
        for place, metric in enumerate(metrics)
    }


def _effects(
    samples: Mapping[tuple[str, str], Sample],
    metrics: Sequence[str],
    treatments: Sequence[str],
    control: str,
    alpha: float,
) -> list[Effect]:
    """Each treatment against the control in each metric, with the p values adjusted over all."""
    pairs = [(metric, treatment) for metric in metrics for treatment in treatments]
    differences = [
        compare_means(samples[metric, treatment], samples[metric, control], alpha)
        for metric, treatment in pairs
    ]
    adjusted = holm([difference.p_value for difference in differences])
    effects = []
    for pair, difference, adjusted_p_value in zip(pairs, differences, adjusted, strict=True):
        metric, treatment = pair
        sample, of_control = samples[pair], samples[metric, control]
        percent = in_percent(difference, of_control.mean)
        effects.append(
            Effect(
                metric=metric,
                treatment=treatment,
                users=sample.size,
                mean=sample.mean,
                variance=sample.variance,
                control_users=of_control.size,
                control_mean=of_control.mean,
                control_variance=of_control.variance,
                effect=percent.difference,
                low=percent.low,
                high=percent.high,
                p_value=difference.p_value,
                adjusted_p_value=adjusted_p_value,
                significant=adjusted_p_value is not None and adjusted_p_value < alpha,
            )
        )
    return effects


def _warnings_of_arms(name: str, arms: Sequence[Arm], sample_ratio: float | None) -> list[str]:
    """What is wrong with who is in which arm."""
    warnings = []
    if len(arms) == 1:
        warnings.append(f"all users are under {arms[0].treatment}: there is nothing to compare")
    shared = [arm for arm in arms if arm.users_in_other_arms]
    if shared:
        counts = ", ".join(f"{arm.users_in_other_arms:,} of {arm.treatment}" for arm in shared)
        warnings.append(
            f"users are in another arm too: {counts}; they are listed by: ubcf query"
            f" treatment_assignment_conflicts --param {shlex.quote(f'experiment={name}')}"
        )
    if sample_ratio is not None and sample_ratio < SAMPLE_RATIO_ALPHA:
        counts = ", ".join(f"{arm.users:,} in {arm.treatment}" for arm in arms)
        warnings.append(
            f"sample ratio mismatch: an even split hardly gives {counts} users (chi-square test,"
            f" p = {sample_ratio:.2g}); unless they were meant to differ, do not trust the effects"
        )
    return warnings


def _warnings_of_effects(effects: Sequence[Effect], control: str, alpha: float) -> list[str]:
    """What cannot be told of the effects, and how to judge several."""
    warnings = []
    for effect in effects:
        what = f"{effect.metric} of {effect.treatment}"
        if effect.users < 2 or effect.control_users < 2:
            warnings.append(
                f"{what}: no interval and no p value; it takes two users with a value in each arm"
                f" ({effect.treatment} has {effect.users}, {control} has {effect.control_users})"
            )
        elif effect.p_value is None:
            warnings.append(
                f"{what}: no interval and no p value; in neither arm do the users differ"
            )
        elif effect.effect is None:
            warnings.append(f"{what}: no percentage; the mean of {control} is 0")
    comparisons = sum(effect.p_value is not None for effect in effects)
    if comparisons > 1:
        warnings.append(
            f"{comparisons} comparisons: significant is an adjusted p value (Holm) below {alpha:g}"
        )
    return warnings


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
