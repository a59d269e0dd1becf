"""The A/B experiments of the service: the effect of each treatment compared with the control.

The unit of analysis is the user: sql/analysis/experiment_users.sql makes one row per user and
treatment, and the means over these rows are compared.
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

# The metrics of a user under a treatment, columns of sql/analysis/experiment_users.sql: sessions;
# tracks and listening time (in tracks) per session; mean latency of a request, in seconds.
METRICS = ("sessions", "tracks_per_session", "time_per_session", "request_latency")

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
    metric; control_...: the same of the control. effect, low, high: the difference of the means and
    its confidence interval, in percent of the control's mean. adjusted_p_value: by Holm's method,
    over all effects of the experiment. significant: whether it is below alpha. A value is None
    where it is not defined.
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
    """An experiment: its arms, the control first, and the effects of the others on each metric.

    sample_ratio_p_value: of the test that users are split evenly between the arms; None if there is
    only one. warnings: one sentence for each reason to read the effects with care.
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
    """The experiments of the logs, or the one with this name, each with its effects.

    control: the treatment to compare with; by default the one named C or control, in any case.
    alpha: intervals cover 1 - alpha; an effect is significant if its p value, adjusted for the
    number of effects of the experiment, is below alpha. metrics: some of METRICS.
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
    experiments = [
        _analyze(connection, each, arms[each], control, alpha, tuple(dict.fromkeys(metrics)))
        for each in names[:MOST_EXPERIMENTS]
    ]
    if left_out := names[MOST_EXPERIMENTS:]:
        experiments[0].warnings.append(
            f"the logs name {len(names):,} experiments, more than a service runs; only the first "
            f"{MOST_EXPERIMENTS:,} by name are analyzed; left out, from {left_out[0]!r} to "
            f"{left_out[-1]!r}, are those that NAME analyzes"
        )
    return experiments


def _analyze(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    arms: Sequence[Arm],
    control: str | None,
    alpha: float,
    metrics: Sequence[str],
) -> Experiment:
    """The experiment `name`, whose treatments are `arms`."""
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
        percent = in_percent(difference, control_sample.mean)
        effects.append(
            Effect(
                metric=metric,
                treatment=treatment,
                users=sample.size,
                mean=sample.mean,
                variance=sample.variance,
                control_users=control_sample.size,
                control_mean=control_sample.mean,
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


def _warnings_of_arms(name: str, arms: Sequence[Arm], sample_ratio: float | None) -> list[str]:
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
        warnings.append(
            f"sample ratio mismatch: arms of {counts} users are unlikely under an even split"
            f" (chi-square test, p = {sample_ratio:.2g}); unless the split was meant to be uneven,"
            " do not trust the effects"
        )
    return warnings


def _warnings_of_effects(effects: Sequence[Effect], control: str, alpha: float) -> list[str]:
    """Warnings about values that are not defined, and about multiple comparisons."""
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
    comparisons = sum(effect.p_value is not None for effect in effects)
    if comparisons > 1:
        warnings.append(
            f"{comparisons} comparisons: an effect is significant if its adjusted p value (Holm) is"
            f" below {alpha:g}"
        )
    return warnings


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
