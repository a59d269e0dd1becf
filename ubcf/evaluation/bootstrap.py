"""Confidence intervals by bootstrap over users: how metrics vary with the sample of users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import FloatArray, IntArray

# With as many resamples, two digits of the ends of a 95 % interval are stable.
RESAMPLES = 1000

# The percentiles between which a 95 % interval lies.
INTERVAL = (2.5, 97.5)

# A difference with a smaller magnitude is rounding noise.
NOISE = 1e-12

# Resamples that are in memory at once.
RESAMPLES_AT_ONCE = 50


@dataclass(frozen=True)
class Samples:
    """The values of metrics for users, by series: a metric of a setting.

    values, weights: (users, series); the weight is 0 where a user has no value. The metric of a
    series is the weighted mean of its values, or the root of their weighted mean square where
    `quadratic`, (series,), is true.
    """

    values: FloatArray
    weights: FloatArray
    quadratic: IntArray

    def of(self, series: list[int]) -> Samples:
        """The same users, in some of the series."""
        return Samples(self.values[:, series], self.weights[:, series], self.quadratic[series])


@dataclass(frozen=True)
class Estimates:
    """Metrics over all users with 95 % intervals, and their differences; all of shape (series,).

    value, low, high: the metric and its interval. users: how many have a value. difference,
    difference_low, difference_high: the value less that of the reference series, and its interval;
    NaN, 0 and 0 without a reference.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    users: IntArray
    difference: FloatArray
    difference_low: FloatArray
    difference_high: FloatArray


def estimate(samples: Samples, reference: IntArray, seed: int) -> Estimates:
    """Metrics over all users, with percentile intervals of bootstrap resamples of the users.

    reference: (series,) the series that each is compared with, or -1. A resample has the same users
    in all series, so differences are paired. The same seed gives the same resamples.
    Source: B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7
    (1979); B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
    """
    values, weights, quadratic = samples.values, samples.weights, samples.quadratic
    totals = weights * np.where(quadratic, values**2, values)
    both = np.hstack([totals, weights])
    value = _means(both.sum(axis=0)[np.newaxis], quadratic)[0]
    resampled = _means(_resampled_sums(both, seed), quadratic)
    compared = reference >= 0
    difference = np.where(compared, _without_noise(value - value[reference]), np.nan)
    differences = np.where(compared, _without_noise(resampled - resampled[:, reference]), 0.0)
    low, high = np.nanpercentile(resampled, INTERVAL, axis=0)
    difference_low, difference_high = np.nanpercentile(differences, INTERVAL, axis=0)
    users = np.count_nonzero(weights, axis=0)
    return Estimates(value, low, high, users, difference, difference_low, difference_high)


def _without_noise(differences: FloatArray) -> FloatArray:
    return np.where(np.abs(differences) < NOISE, 0.0, differences)


def _resampled_sums(columns: FloatArray, seed: int) -> FloatArray:
    """(RESAMPLES, columns) the sums of columns over users drawn with replacement.

    columns: (users, columns).
    """
    users = len(columns)
    rng = np.random.default_rng(seed)
    sums = []
    for _ in range(0, RESAMPLES, RESAMPLES_AT_ONCE):
        drawn = rng.integers(0, users, size=(RESAMPLES_AT_ONCE, users))
        counts = np.array([np.bincount(each, minlength=users) for each in drawn], dtype=np.float64)
        # A sparse product adds from left to right; a dense one, as the library of the machine does.
        sums.append(sparse.csr_array(counts) @ columns)
    return np.concatenate(sums)


def _means(sums: FloatArray, quadratic: IntArray) -> FloatArray:
    """(rows, series) weighted means, or roots of mean squares where `quadratic`.

    sums: (rows, 2 * series), the weighted sums and then the sums of the weights.
    """
    totals, weights = np.hsplit(sums, 2)
    with np.errstate(invalid="ignore"):  # NaN in a resample of which no user has a value
        means = totals / weights
    return np.where(quadratic, np.sqrt(means), means)
