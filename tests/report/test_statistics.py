"""Against numbers worked out by hand."""

import doctest
import math

import pytest
from scipy import stats

from tritgolf.report import statistics
from tritgolf.report.statistics import (
    blocked_error,
    format_exact,
    format_mean_std,
    format_value,
    format_with_error,
    least_told,
    mean,
    mean_error,
    sample_std,
    students_p,
    uncertainty_decimals,
)


def test_mean_and_sample_std_by_hand():
    values = [2.0, 4.0, 9.0]  # mean 5; deviations −3, −1, 4; squares 9 + 1 + 16 = 26; 26 / (3 − 1) = 13
    assert mean(values) == 5.0
    assert sample_std(values) == pytest.approx(math.sqrt(13))
    assert mean_error([3.0, 4.0]) == 2.5  # √(9 + 16) / 2
    assert mean_error([0.5]) == 0.5


def test_published_summary_of_three_seeds():
    sliding = [1.1565, 1.1568, 1.1578]  # #640: published as 1.1570, std 0.0007
    assert f"{mean(sliding):.4f}" == "1.1570"
    assert f"{sample_std(sliding):.4f}" == "0.0007"


def test_too_few_values_are_not_known():
    assert math.isnan(mean([]))
    assert math.isnan(sample_std([1.0]))
    assert math.isnan(mean_error([]))


@pytest.mark.parametrize(
    ("uncertainty", "decimals"),
    [(0.00042, 5), (0.0996, 2), (0.99, 2), (0.996, 1), (12.0, 0), (1033.0, 0), (0.0, None), (math.nan, None)],
)
def test_two_significant_digits_of_the_uncertainty(uncertainty, decimals):
    assert uncertainty_decimals(uncertainty) == decimals


def test_format_value():
    assert format_value(15951196, 0) == "15,951,196"
    assert format_value(0.00211, 4, signed=True) == "+0.0021"
    assert format_value(-0.5, 1) == "−0.5"
    assert format_value(None, 2) == format_value(math.nan, 2) == "—"


def test_format_mean_std():
    assert format_mean_std([1.1535, 1.1538, 1.1542], 4) == "1.15383 ± 0.00035"
    assert format_mean_std([1.1535, 1.1538, 1.1542], 4, fixed=True) == "1.1538 ± 0.0004"
    assert format_mean_std([2.5], 4, "BPB") == "2.5000 BPB"
    assert format_mean_std([300, 300], 0) == "300 ± 0"
    assert format_mean_std(iter([0.001, 0.003]), 4, signed=True) == "+0.0020 ± 0.0014"


def test_a_difference_of_exactly_zero_is_told_from_one_that_rounds_to_it():
    assert format_mean_std([0.0], 6, signed=True, fixed=True) == "0 exactly"
    assert format_mean_std([0.0, 0.0, 0.0], 4, signed=True) == "0 exactly"
    assert format_mean_std([0.0, 1e-9], 4, signed=True, fixed=True) == "+0.0000 ± 0.0000"
    assert format_mean_std([0.0], 2) == "0.00"  # no difference
    assert format_exact(0, 6) == format_with_error(0, 0, 6) == "0 exactly"
    assert format_exact(1e-9, 6) == "0.000000"


def test_an_error_has_at_least_one_digit():
    assert format_with_error(0.0012345, 0.00012345, 6) == "+0.001234 ± 0.000123"
    assert format_with_error(-8.9e-7, 2.9e-7, 6) == "−0.0000009 ± 0.0000003"
    assert format_with_error(0.5, 0, 6) == "+0.500000 ± 0.000000"
    assert format_with_error(0.5, 1e-15, 6) == "+0.500000000 ± 0.000000000"


def test_examples_in_the_documentation():
    assert doctest.testmod(statistics).failed == 0


def test_what_rows_and_columns_leave_by_hand():
    """Row means 1.5, 4.5, 4.5, column means 3, 4, of all 3.5: 0, 0, −1, 1, 1, −1 are left, of 2 · 1 degrees."""
    assert blocked_error([[1, 2], [3, 6], [5, 4]]) == (pytest.approx(math.sqrt(2)), 2)
    for rows in ([[1.0, 2.0]], [[1.0], [2.0]]):
        error, degrees = blocked_error(rows)
        assert math.isnan(error) and degrees == 0


def test_of_two_rows_it_is_student_s_paired_test():
    base, changed = [1.0, 1.2, 1.1, 1.4], [0.9, 1.0, 1.05, 1.1]
    deviation, degrees = blocked_error([base, changed])
    p = students_p(mean(base) - mean(changed), deviation * math.sqrt(2 / len(base)), degrees)
    assert p == pytest.approx(stats.ttest_rel(base, changed).pvalue, rel=1e-12)


def test_the_p_value_is_student_s():
    """t = 0.2/(0.1/√3) = 3.464 of two degrees: the tables' p is 0.0742."""
    error = 0.1 / math.sqrt(3)
    assert students_p(0.2, error, 2) == students_p(-0.2, error, 2) == pytest.approx(0.0742, abs=1e-4)
    assert (students_p(0.0, 0.0, 1), students_p(0.1, 0.0, 1)) == (1.0, 0.0)
    assert math.isnan(students_p(0.1, math.nan, 0))


def test_what_is_told_is_at_the_level_of_all_tests_together():
    least = least_told(0.003, degrees=44, tests=23, level=0.05)
    assert 23 * students_p(least, 0.003, 44) == pytest.approx(0.05)
    assert math.isnan(least_told(math.nan, 0, 3, 0.05))
