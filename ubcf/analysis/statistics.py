"""The statistics of A/B experiments: do the means of a treatment and of the control differ?

All of it is computed from the sizes, means and variances of samples; no database is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import special

# A standard error below this share of the means is rounding noise: all values are equal.
ROUNDING = 1e-12

PERCENT = 100.0

# A p value that is too small for a float is this one: it is never 0.
SMALLEST_P_VALUE = math.ulp(0.0)


@dataclass(frozen=True)
class Sample:
    """A sample: its size, its mean, and its variance with the divisor size - 1.

    mean: None for an empty sample. variance: None for fewer than two values.
    """

    size: int
    mean: float | None
    variance: float | None


@dataclass(frozen=True)
class Difference:
    """The difference of two means, its confidence interval and its two-sided p value.

    difference, low, high: in the unit of the means. Each is None where the samples are too small,
    or do not vary.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None


def compare_means(sample: Sample, control: Sample, alpha: float) -> Difference:
    """The mean of a sample less that of the control, by Welch's t test for unequal variances.

    With s² = variance / size of each sample, the standard error is sqrt(s1² + s2²). The difference
    divided by it has Student's t distribution with
    (s1² + s2²)² / (s1⁴ / (n1 - 1) + s2⁴ / (n2 - 1)) degrees of freedom. The p value is two-sided;
    the interval covers 1 - alpha. Both are None if a sample has fewer than two values, or neither
    sample varies.
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
    # Computed from shares, because the squares of small variances underflow.
    share = of_sample / (of_sample + of_control)
    freedom = 1 / (share**2 / (sample.size - 1) + (1 - share) ** 2 / (control.size - 1))
    # The functions behind scipy.stats.t, which takes a second to import.
    p_value = max(2 * float(special.stdtr(freedom, -abs(difference) / error)), SMALLEST_P_VALUE)
    half_width = -float(special.stdtrit(freedom, alpha / 2)) * error
    return Difference(difference, difference - half_width, difference + half_width, p_value)


def mean_interval(sample: Sample, alpha: float) -> tuple[float, float] | None:
    """The confidence interval of a mean by Student's t distribution; covers 1 - alpha.

    None for a sample of fewer than two values.
    """
    if sample.mean is None or sample.variance is None:
        return None
    quantile = -float(special.stdtrit(sample.size - 1, alpha / 2))
    half_width = quantile * math.sqrt(sample.variance / sample.size)
    return sample.mean - half_width, sample.mean + half_width


def in_percent(difference: Difference, control_mean: float | None) -> Difference:
    """A difference and its interval in percent of the control's mean; the p value is the same.

    By the convention of the service's analysts, the divisor is taken as fixed: the uncertainty of
    the control's mean is in the interval of the difference alone. The percentages are None if the
    control's mean is None or 0.
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
    """The p values adjusted for multiple comparisons, in the same order; None is not counted.

    The i-th smallest of m p values, from 1, is multiplied by m - i + 1; then each is at least the
    one before it, and at most 1. Rejecting every adjusted p value below alpha bounds the
    family-wise error rate by alpha under any dependence.
    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6 (1979).
    """
    adjusted: list[float | None] = [None] * len(p_values)
    ascending = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    greatest = 0.0
    for smaller, (p, index) in enumerate(ascending):
        greatest = max(greatest, min(1.0, p * (len(ascending) - smaller)))
        adjusted[index] = greatest
    return adjusted


def split_p_value(sizes: Sequence[int], shares: Sequence[float] | None = None) -> float | None:
    """The p value of Pearson's chi-square test that users are split between the arms as planned.

    sizes: the users of each arm. shares: those planned, in any unit; None: equal ones. Of k arms,
    the sum of (size - expected size)² / expected size has a chi-square distribution with k - 1
    degrees of freedom. None for fewer than two arms, or no user.
    Source: K. Pearson, Philosophical Magazine 50 (1900); for sample ratio mismatch:
    A. Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", 2019.
    """
    if len(sizes) < 2 or not any(sizes):
        return None
    planned = [1.0] * len(sizes) if shares is None else shares
    expected = [sum(sizes) * share / math.fsum(planned) for share in planned]
    statistic = math.fsum((n - m) ** 2 / m for n, m in zip(sizes, expected, strict=True))
    return max(float(special.chdtrc(len(sizes) - 1, statistic)), SMALLEST_P_VALUE)
