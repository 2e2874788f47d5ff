import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tritgolf.audit import intervals
from tritgolf.audit.intervals import (
    Interval,
    Printed,
    bytes_per_token,
    mean_interval,
    most_covered,
    rounds_to,
    std_interval,
)

VALUES = st.lists(st.floats(0.1, 100), min_size=2, max_size=5)


def printed(value, decimals):
    return Printed(f"{value:.{decimals}f}")


@given(value=st.floats(-1e6, 1e6), decimals=st.integers(1, 6))
def test_a_printed_number_contains_what_it_was_printed_from(value, decimals):
    assert printed(value, decimals).interval.contains(value)
    assert rounds_to(value, printed(value, decimals))


def test_an_integer_is_exact_unless_it_was_rounded():
    assert Printed("91").interval == Interval(91, 91)
    assert Printed("91").rounded == Interval(90.5, 91.5)


@given(values=VALUES, decimals=st.integers(1, 4))
def test_means_and_stds_of_rounded_values_contain_the_true_ones(values, decimals):
    intervals = [printed(value, decimals).interval for value in values]
    assert mean_interval(intervals).contains(statistics.fmean(values))
    for ddof, std in ((1, statistics.stdev), (0, statistics.pstdev)):
        low, high = std_interval(intervals, ddof)
        assert low - 1e-9 <= std(values) <= high + 1e-9


def test_the_std_interval_is_no_wider_than_it_must_be():
    exact = [Interval(value, value) for value in (6530, 6520, 6530)]
    assert std_interval(exact, 1) == pytest.approx((5.7735, 5.7735), abs=1e-4)
    overlapping = [Interval(1, 2), Interval(1.5, 3)]
    assert std_interval(overlapping, 1).low == pytest.approx(0, abs=1e-9)
    assert std_interval(overlapping, 0).high == 1.0


def test_the_std_interval_of_many_values_is_that_of_all_corners(monkeypatch):
    values = [printed(value, 1).interval for value in (3.1, 0.2, 7.7, 7.8, 5.0, 1.4)]
    every = std_interval(values, 1)
    monkeypatch.setattr(intervals, "MOST_CORNERS", 5)
    assert std_interval(values, 1) == pytest.approx(every)
    uneven = [*values[:-1], Interval(1.0, 1.8)]
    assert std_interval(uneven, 1).high > every.high


def test_the_std_interval_of_a_long_table_comes_at_once():
    low, high = std_interval([Interval(n, n + 1) for n in range(1000)], 1)
    assert low < 288.8 < high < 290


@given(nats=st.floats(1.5, 10), ratio=st.floats(2, 5))
def test_a_line_contains_its_true_bytes_a_token(nats, ratio):
    bpb = nats / (ratio * math.log(2))
    assert bytes_per_token(printed(nats, 4), printed(bpb, 4)).contains(ratio)


def test_most_covered_is_the_stretch_that_most_share():
    assert most_covered([Interval(0, 4), Interval(2, 5), Interval(3, 9), Interval(20, 21)]) == Interval(3, 4)
    assert most_covered([]) is None


def test_touching_intervals_meet():
    assert Interval(1, 2).meets(Interval(2, 3))
    assert not Interval(1, 2).meets(Interval(2.001, 3))
