"""Intervals by bootstrap over users: how much a figure would differ with other users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ubcf.scoring.matrices import FloatArray, IntArray

# Enough for the ends of a 95 % interval to be stable in two digits.
RESAMPLES = 1000

# The ends of a 95 % interval, in percent.
INTERVAL = (2.5, 97.5)

# Rounding noise: a difference under this is none.
NOISE = 1e-12

# Resamples that are held at once.
RESAMPLES_AT_ONCE = 50


@dataclass(frozen=True)
class Estimates:
    """Figures with their 95 % intervals, and how they differ from others: all of shape (series,).

    value, low, high: the figure over all users, and its interval. users: who have one. difference,
    difference_low, difference_high: less the figure of another series, by the same resamples.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray
    users: IntArray
    difference: FloatArray
    difference_low: FloatArray
    difference_high: FloatArray


def estimate(
    values: FloatArray, weights: FloatArray, quadratic: IntArray, first: IntArray, seed: int
) -> Estimates:
    """The figures of all users from those of each, with percentile intervals (Efron 1979).

    values, weights: users x series; a weight of 0 means that the user has no value. A figure is the
    weighted mean, or the root of the weighted mean square for a `quadratic` series. first: the
    series that each is compared with; -1: none. Series are resampled together: the users of a
    resample are the same in all, so that differences are paired. The same seed, the same figures.
    """
    totals = weights * np.where(quadratic, values**2, values)
    both = np.hstack([totals, weights])
    value = _figures(both.sum(axis=0)[np.newaxis], quadratic)[0]
    resampled = _figures(_resampled_sums(both, seed), quadratic)
    has_first = first >= 0
    difference = np.where(has_first, _without_noise(value - value[first]), np.nan)
    differences = np.where(has_first, _without_noise(resampled - resampled[:, first]), 0.0)
    low, high = np.nanpercentile(resampled, INTERVAL, axis=0)
    difference_low, difference_high = np.nanpercentile(differences, INTERVAL, axis=0)
    users = np.count_nonzero(weights, axis=0)
    return Estimates(value, low, high, users, difference, difference_low, difference_high)


def _without_noise(differences: FloatArray) -> FloatArray:
    return np.where(np.abs(differences) < NOISE, 0.0, differences)


def _resampled_sums(columns: FloatArray, seed: int) -> FloatArray:
    """The sums of the columns over users drawn with replacement: RESAMPLES x columns."""
    users = len(columns)
    draw = np.random.default_rng(seed)
    sums = []
    for _ in range(0, RESAMPLES, RESAMPLES_AT_ONCE):
        drawn = draw.integers(0, users, size=(RESAMPLES_AT_ONCE, users))
        counts = np.array([np.bincount(each, minlength=users) for each in drawn], dtype=np.float64)
        # A sparse product adds from left to right, whatever the library for dense ones does.
        sums.append(sparse.csr_array(counts) @ columns)
    return np.concatenate(sums)


def _figures(sums: FloatArray, quadratic: IntArray) -> FloatArray:
    """Weighted means, or their roots, from weighted sums and sums of weights side by side."""
    totals, weights = np.hsplit(sums, 2)
    with np.errstate(invalid="ignore"):  # a resample without a user who has a value has no figure
        means = totals / weights
    return np.where(quadratic, np.sqrt(means), means)
