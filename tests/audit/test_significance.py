import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from tritgolf.audit.significance import improvement

SCORES = st.lists(st.floats(2, 4), min_size=2, max_size=6)


@given(new=SCORES, old=SCORES, margin=st.floats(0, 0.5))
def test_agrees_with_scipys_welch_test(new, old, margin):
    assume(all(max(side) - min(side) > 0.01 for side in (new, old)))
    test = improvement(new, old, margin)
    theirs = stats.ttest_ind([value - margin for value in old], new, equal_var=False, alternative="greater")
    assert test.statistic == pytest.approx(theirs.statistic, rel=1e-6, abs=1e-9)
    assert test.p == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)


def test_the_roundtrip_gaps_of_640_and_920_do_not_differ_significantly():
    test = improvement([0.0006, 0.0019, 0.0008], [0.0021, 0.0014, 0.0027], margin=0.0)
    assert test.statistic == pytest.approx(1.75, abs=0.005)
    assert not test.passes


def test_the_leaderboards_rule():
    old = [1.950, 1.951, 1.949]
    assert improvement([1.940, 1.941, 1.939], old).passes
    assert not improvement([1.9448, 1.9458, 1.9438], old).passes  # better by 0.0052, but not significantly
    assert not improvement([1.946, 1.947, 1.945], old).passes


def test_as_many_seeds_as_it_says_would_pass_and_one_fewer_not():
    new, old = [2.9869, 2.9877, 2.9901], [2.9960, 2.9981, 2.9977]
    needed = improvement(new, old).seeds_needed
    for count in (needed - 1, needed):
        # Equal halves at mean ± d have mean and sample std of the originals.
        sides = [spread_like(values, count) for values in (new, old)]
        assert improvement(*sides).passes is (count == needed)


def spread_like(values, count):
    """``count`` values with the mean and sample standard deviation of ``values``."""
    mean, std = sum(values) / len(values), stats.tstd(values)
    shape = [i - (count - 1) / 2 for i in range(count)]
    return [mean + std * s / stats.tstd(shape) for s in shape]


def test_no_number_of_seeds_shows_what_is_not_there():
    assert improvement([2.0, 2.1], [2.0, 2.1]).seeds_needed is None
    assert "no number of seeds" in str(improvement([2.0, 2.1], [2.0, 2.1]))


def test_without_spread_the_difference_decides():
    assert improvement([1.0, 1.0], [1.1, 1.1]).p == 0.0
    assert improvement([1.1, 1.1], [1.1, 1.1]).p == 1.0


@pytest.mark.parametrize(("new", "old"), [([1.0], [1.0, 2.0]), ([1.0, 2.0], []), ([1.0, math.nan], [1.0, 2.0])])
def test_too_few_values_are_refused(new, old):
    with pytest.raises(ValueError, match="two finite values"):
        improvement(new, old)
