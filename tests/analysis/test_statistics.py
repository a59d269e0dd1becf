"""The statistics of comparisons: by hand where there are closed forms, elsewhere by scipy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ubcf.analysis.statistics import (
    Difference,
    Sample,
    compare_means,
    holm,
    in_percent,
    mean_interval,
    split_p_value,
)

NOTHING = Difference(None, None, None, None)

VALUES = st.lists(
    st.integers(0, 10**6).map(lambda thousandths: thousandths / 1000), min_size=2, max_size=30
)
# Quantiles of Student's t are no more exact in scipy 1.11, whose own test uses them.
QUANTILES = 1e-8

SIZES = st.integers(2, 10**6)
ALPHAS = st.floats(0.001, 0.5)


def sample(values: Sequence[float]) -> Sample:
    return Sample(len(values), fmean(values), variance(values))


# Welch's test


def test_equal_samples_of_two_have_two_degrees_of_freedom() -> None:
    """4, 6 against 1, 3: the means differ by 3, both variances are 2, the standard error sqrt(2).

    With 2 degrees of freedom, Student's t has closed forms: P(|T| > t) = 1 - t / sqrt(2 + t²), and
    the two-sided quantile of a is (1 - a) sqrt(2 / (a (2 - a))).
    """
    t = 3 / math.sqrt(2)
    half_width = 0.9 * math.sqrt(2 / (0.1 * 1.9)) * math.sqrt(2)
    compared = compare_means(sample([4, 6]), sample([1, 3]), alpha=0.1)
    assert compared.difference == 3
    assert compared.p_value == pytest.approx(1 - t / math.sqrt(2 + t**2), rel=1e-12)
    assert compared.low == pytest.approx(3 - half_width, rel=QUANTILES)
    assert compared.high == pytest.approx(3 + half_width, rel=QUANTILES)


def test_an_arm_without_variance_leaves_the_degrees_of_freedom_of_the_other() -> None:
    """5, 5, 5 against 1, 3: one degree of freedom, where P(|T| > t) = 1 - 2 arctan(t) / pi."""
    compared = compare_means(sample([5, 5, 5]), sample([1, 3]), alpha=0.05)
    assert compared.p_value == pytest.approx(1 - 2 * math.atan(3) / math.pi, rel=1e-12)


@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy warns of an arm without variance
@given(VALUES, VALUES, ALPHAS)
def test_it_is_the_unequal_variances_test_of_scipy(
    treated: list[float], control: list[float], alpha: float
) -> None:
    compared = compare_means(sample(treated), sample(control), alpha)
    if compared.p_value is None:
        assert (variance(treated), variance(control)) == (0, 0)
        return
    theirs = stats.ttest_ind(treated, control, equal_var=False)
    low, high = theirs.confidence_interval(1 - alpha)
    assert compared.p_value == pytest.approx(theirs.pvalue, rel=1e-6)
    width = high - low
    assert compared.low == pytest.approx(low, rel=QUANTILES, abs=QUANTILES * width)
    assert compared.high == pytest.approx(high, rel=QUANTILES, abs=QUANTILES * width)


@given(
    SIZES, st.floats(0, 1e6), st.floats(1e-3, 1e6), SIZES, st.floats(0, 1e6), st.floats(1e-3, 1e6)
)
def test_it_is_the_test_of_scipy_for_any_size_and_scale(
    size: int, mean: float, spread: float, control_size: int, control_mean: float, around: float
) -> None:
    compared = compare_means(
        Sample(size, mean, spread**2), Sample(control_size, control_mean, around**2), 0.05
    )
    theirs = stats.ttest_ind_from_stats(
        mean, spread, size, control_mean, around, control_size, equal_var=False
    )
    assert compared.p_value == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-300)


@given(VALUES, VALUES, ALPHAS)
def test_the_interval_excludes_0_exactly_if_p_is_below_alpha(
    treated: list[float], control: list[float], alpha: float
) -> None:
    compared = compare_means(sample(treated), sample(control), alpha)
    if compared.p_value is None or compared.p_value == pytest.approx(alpha):
        return
    assert compared.low is not None and compared.high is not None
    assert (compared.low > 0 or compared.high < 0) == (compared.p_value < alpha)


def test_what_the_samples_do_not_determine_is_none() -> None:
    some, one, nobody = sample([1, 3]), Sample(1, 5.0, None), Sample(0, None, None)
    assert compare_means(some, nobody, 0.05) == NOTHING
    assert compare_means(nobody, some, 0.05) == NOTHING
    assert compare_means(one, some, 0.05) == Difference(3.0, None, None, None)
    assert compare_means(some, one, 0.05) == Difference(-3.0, None, None, None)
    # All values are equal, or differ by rounding: 0.1 and 0.3 / 3 are the same latency.
    twos, ones, zeros = Sample(3, 2.0, 0.0), Sample(3, 1.0, 0.0), Sample(3, 0.0, 0.0)
    assert compare_means(twos, ones, 0.05) == Difference(1.0, None, None, None)
    assert compare_means(zeros, zeros, 0.05) == Difference(0.0, None, None, None)
    tenths = sample([0.1, (0.1 + 0.1 + 0.1) / 3, 0.3 / 3])
    assert tenths.variance != 0
    assert compare_means(tenths, tenths, 0.05) == Difference(0.0, None, None, None)


def test_small_variances_are_not_taken_for_zeros() -> None:
    """The squares of these variances would underflow; the unit of a metric must not matter."""
    treated, control = [4.0, 6.0, 9.0], [1.0, 3.0, 4.0]
    scaled = compare_means(
        sample([value * 1e-120 for value in treated]),
        sample([value * 1e-120 for value in control]),
        0.05,
    )
    assert scaled.p_value == pytest.approx(
        stats.ttest_ind(treated, control, equal_var=False).pvalue, rel=1e-9
    )


# Percentages


def test_percentages_are_of_the_control() -> None:
    assert in_percent(Difference(0.5, -0.25, 1.25, 0.3), 2.0) == Difference(25, -12.5, 62.5, 0.3)
    assert in_percent(Difference(0.5, None, None, None), 2.0) == Difference(25, None, None, None)


def test_the_low_end_stays_the_low_one_when_the_control_is_negative() -> None:
    assert in_percent(Difference(0.5, -0.25, 1.25, 0.3), -2.0) == Difference(-25, -62.5, 12.5, 0.3)


@pytest.mark.parametrize("control_mean", [0.0, None])
def test_without_a_control_mean_to_divide_by_only_the_p_value_remains(
    control_mean: float | None,
) -> None:
    assert in_percent(Difference(0.5, 0.1, 0.9, 0.3), control_mean) == Difference(
        None, None, None, 0.3
    )


# Many comparisons


def test_holm_by_hand() -> None:
    """Ascending: 0.01 * 4, 0.02 * 3, 0.03 * 2 = 0.06, and 0.04 * 1, raised to the one before."""
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.3]) == [0.3]
    assert holm([]) == []


def test_holm_leaves_out_what_has_no_p_value() -> None:
    assert holm([0.01, None, 0.02]) == [0.02, None, 0.02]


def rejected(p_values: Sequence[Fraction], alpha: Fraction) -> set[int]:
    """What Holm's procedure rejects at level alpha: in ascending order, until one is too large."""
    found: set[int] = set()
    for index in sorted(range(len(p_values)), key=lambda index: p_values[index]):
        if p_values[index] > alpha / (len(p_values) - len(found)):
            break
        found.add(index)
    return found


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_an_adjusted_p_value_is_the_smallest_level_at_which_holm_rejects(
    p_values: list[float],
) -> None:
    exact = [Fraction(p) for p in p_values]
    levels = sorted(
        {p * count for p in exact for count in range(1, len(exact) + 1)} | {Fraction(1)}
    )
    for index, adjusted in enumerate(holm(p_values)):
        lowest = next((level for level in levels if index in rejected(exact, level)), Fraction(1))
        assert adjusted == pytest.approx(float(min(lowest, Fraction(1))), rel=1e-12)


# Sample ratios


def test_even_splits_by_hand() -> None:
    """60 and 40: (10² + 10²) / 50 = 4, where one degree of freedom gives erfc(sqrt(4 / 2)).

    10, 20, 30: (10² + 0 + 10²) / 20 = 10, where two degrees of freedom give exp(-10 / 2).
    """
    assert split_p_value([60, 40]) == pytest.approx(math.erfc(math.sqrt(2)), rel=1e-12)
    assert split_p_value([10, 20, 30]) == pytest.approx(math.exp(-5), rel=1e-12)
    assert split_p_value([7, 7, 7]) == 1.0


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=6))
def test_it_is_the_chi_square_test_of_scipy(sizes: list[int]) -> None:
    assert split_p_value(sizes) == pytest.approx(
        stats.chisquare(sizes).pvalue, rel=1e-9, abs=1e-300
    )


def test_one_arm_has_no_ratio() -> None:
    assert split_p_value([]) is None
    assert split_p_value([5]) is None
    assert split_p_value([0, 0]) is None


def test_a_planned_uneven_split_by_hand() -> None:
    # 90 and 10 are expected: 25 / 90 + 25 / 10, of one degree of freedom.
    statistic = 25 / 90 + 25 / 10
    expected = math.erfc(math.sqrt(statistic / 2))
    assert split_p_value([85, 15], [0.9, 0.1]) == pytest.approx(expected, rel=1e-12)
    assert split_p_value([85, 15], [9, 1]) == pytest.approx(expected, rel=1e-12)
    assert split_p_value([90, 10], [0.9, 0.1]) == 1.0


def test_a_p_value_is_never_0() -> None:
    assert split_p_value([1_000_000, 1]) == 5e-324
    far, control = Sample(1_000_000, 1e6, 1.0), Sample(1_000_000, 0.0, 1.0)
    assert compare_means(far, control, 0.05).p_value == 5e-324


def test_the_interval_of_a_mean_by_hand() -> None:
    # One degree of freedom: what is exceeded in size with probability 0.05 is tan(0.95 pi / 2).
    half_width = math.tan(0.95 * math.pi / 2) * 0.25
    found = mean_interval(Sample(2, 1.75, 0.125), 0.05)
    assert found is not None
    assert list(found) == pytest.approx([1.75 - half_width, 1.75 + half_width], rel=1e-9)
    assert mean_interval(Sample(1, 1.75, None), 0.05) is None
