"""The statistics of A/B experiments: is the mean of one arm another than that of the control?

From sizes, means and variances alone: what to compute them over is for others to say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

# A standard error below this share of the means is what rounding leaves of values all equal.
ROUNDING = 1e-12

PERCENT = 100.0


@dataclass(frozen=True)
class Sample:
    """A sample: its size, its mean (None: it is empty) and its variance with the divisor size - 1.

    The variance is None where there are fewer than two values.
    """

    size: int
    mean: float | None
    variance: float | None


@dataclass(frozen=True)
class Difference:
    """How much greater one mean is than another: its confidence interval and its p value.

    All are in the unit of the means; each is None where the samples do not tell it.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None


def compare_means(sample: Sample, control: Sample, alpha: float) -> Difference:
    """The mean of a sample less that of the control, by Welch's t test for unequal variances.

    With s² = variance / size of each, the standard error is sqrt(s1² + s2²), and the difference
    over it has Student's t distribution with (s1² + s2²)² / (s1⁴ / (n1 - 1) + s2⁴ / (n2 - 1))
    degrees of freedom. The p value is that of both tails, the interval covers 1 - alpha.
    Without two values in each, or where no value differs from its mean, there is only the
    difference.
    Source: B. L. Welch, "The generalization of 'Student's' problem when several different
    population variances are involved", Biometrika 34 (1947); the degrees of freedom:
    F. E. Satterthwaite, Biometrics Bulletin 2 (1946).
    """
    if sample.mean is None or control.mean is None:
        return Difference(None, None, None, None)
    difference = sample.mean - control.mean
    if sample.variance is None or control.variance is None:
        return Difference(difference, None, None, None)
    of_sample, of_control = sample.variance / sample.size, control.variance / control.size
    error = math.sqrt(of_sample + of_control)
    if error <= ROUNDING * max(abs(sample.mean), abs(control.mean)):
        return Difference(difference, None, None, None)
    # By shares: the squares of small variances would be 0.
    share = of_sample / (of_sample + of_control)
    freedom = 1 / (share**2 / (sample.size - 1) + (1 - share) ** 2 / (control.size - 1))
    # What scipy.stats.t is made of, which takes a second to import.
    p_value = 2 * float(special.stdtr(freedom, -abs(difference) / error))
    half_width = -float(special.stdtrit(freedom, alpha / 2)) * error
    return Difference(difference, difference - half_width, difference + half_width, p_value)


def in_percent(difference: Difference, control_mean: float | None) -> Difference:
    """A difference and its interval in percent of the control's mean.

    The control's mean is taken as fixed, as is the convention of the service's analysts: its own
    uncertainty is in the interval of the difference, but not in what that is divided by.
    Without a control's mean, or where it is 0, there is no percentage, and the p value alone is
    kept: it is that of the difference, whatever the unit.
    """
    if not control_mean:
        return Difference(None, None, None, difference.p_value)
    effect, *ends = (
        None if value is None else PERCENT * value / control_mean
        for value in (difference.difference, difference.low, difference.high)
    )
    low, high = ends if control_mean > 0 else reversed(ends)
    return Difference(effect, low, high, difference.p_value)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """The p values adjusted for their number, in the same order; None stays None, and is not one.

    The i-th smallest of m, from 1, is multiplied by m - i + 1; none is less than one before it, nor
    greater than 1. Where all that are below alpha are taken for real, the chance of a single false
    one among them is at most alpha, whatever depends on what.
    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6 (1979).
    """
    adjusted: list[float | None] = [None] * len(p_values)
    ascending = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    reached = 0.0
    for before, (p, place) in enumerate(ascending):
        reached = max(reached, min(1.0, p * (len(ascending) - before)))
        adjusted[place] = reached
    return adjusted


def even_split_p_value(sizes: Sequence[int]) -> float | None:
    """The p value of Pearson's chi-square test that the arms are meant to be of the same size.

    The sum of (size - mean size)² / mean size has a chi-square distribution with one degree of
    freedom less than there are arms. None: fewer than two arms, or nobody in them.
    Source: K. Pearson, Philosophical Magazine 50 (1900); for sample ratio mismatch:
    A. Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", 2019.
    """
    if len(sizes) < 2 or not any(sizes):
        return None
    mean = sum(sizes) / len(sizes)
    statistic = math.fsum((size - mean) ** 2 / mean for size in sizes)
    return float(special.chdtrc(len(sizes) - 1, statistic))
