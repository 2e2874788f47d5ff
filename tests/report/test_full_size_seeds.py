"""How far apart seeds at full size lie: figures by hand."""

import math

import pandas as pd
import pytest
from scipy import stats

from tritgolf.report.full_size_seeds import best_in_words, distances, distances_table, rule_in_words, seeds_apart

RUNS = {"trits": "a", "int4": "b", "int6": "c"}
WAYS = {"with it": "ttt", "without it": "alone"}


def frame(**scores):
    """A row a seed of each run: its scores without and with test-time training."""
    return pd.DataFrame([{"run": run, "alone": x, "ttt": y} for run, of in scores.items() for x, y in of])


SEVERAL = frame(
    a=[(0.643, 0.6395), (0.645, 0.6421)],
    b=[(0.6464, 0.6292), (0.6465, 0.6293)],
    c=[(0.697, 0.6476)],
    d=[(0.75, math.nan), (0.755, math.nan)],
)


def found_in(scores, runs=RUNS):
    return distances(runs, WAYS, scores, seeds_apart(scores, WAYS.values()))


def test_seeds_are_as_far_apart_as_those_of_any_run_are_in_any_way():
    assert seeds_apart(SEVERAL, WAYS.values()) == pytest.approx(0.005)
    assert seeds_apart(SEVERAL, ["ttt"]) == pytest.approx(0.0026)
    assert math.isnan(seeds_apart(frame(a=[(1, 1)], b=[(2, 2)]), WAYS.values()))


def test_a_run_is_ahead_where_each_of_its_seeds_is_by_more_than_that():
    found = {(one.way, one.better, one.worse): one for one in found_in(SEVERAL)}
    assert list(found) == [
        *(("with it", *pair) for pair in (("int4", "trits"), ("int4", "int6"), ("trits", "int6"))),
        *(("without it", *pair) for pair in (("trits", "int4"), ("trits", "int6"), ("int4", "int6"))),
    ]
    nearest = found["with it", "int4", "trits"]
    assert (nearest.least, nearest.most) == pytest.approx((0.6395 - 0.6293, 0.6421 - 0.6292)) and nearest.is_told
    assert not found["without it", "trits", "int4"].is_told
    crossed = frame(a=[(0.6, 0.6), (0.61, 0.61)], b=[(0.605, 0.605), (0.62, 0.62)])
    [way, _] = found_in(crossed, {"trits": "a", "int4": "b"})
    assert (way.better, way.is_told) == ("trits", False)
    assert distances_table([way]).cells["BPB ahead"].tolist() == ["−0.0050 to 0.0200"]


def test_who_is_ahead_and_who_is_too_near_are_told_with_by_how_much():
    found = found_in(SEVERAL)
    cells = distances_table(found).cells
    assert cells.iloc[0].to_dict() == {
        "scored": "with it",
        "better": "int4",
        "worse": "trits",
        "seeds": "2 and 2",
        "BPB ahead": "0.0102 to 0.0129",
        "p": "—",
        "told apart": "yes",
    }
    assert cells["told apart"].tolist() == ["yes", "yes", "yes", "no", "yes", "yes"]
    assert rule_in_words(found, 0.005) == (
        "BPB ahead: from the nearest to the furthest two seeds. There are too few seeds for a test. A run counts as "
        "ahead where each of its seeds is ahead of each of the other's by more than any two seeds of one run are "
        "apart, 0.0050 BPB."
    )
    best = "with it the best are int4; without it trits and int4 are too near to tell"
    assert best_in_words(found) == best


THREE = frame(
    a=[(0.643, 0.64), (0.645, 0.642), (0.648, 0.643)],
    b=[(0.6464, 0.6293), (0.6465, 0.6294), (0.644, 0.6287)],
    c=[(0.697, 0.6476)],
)


def test_runs_of_three_seeds_each_are_told_apart_by_a_test():
    found = {(one.way, one.better, one.worse): one for one in found_in(THREE)}
    tested = {pair[0]: one.p for pair, one in found.items() if "int6" not in pair}
    raw = [
        float(stats.ttest_ind(*(THREE[THREE["run"] == run][column] for run in "ab"), equal_var=False).pvalue)
        for column in ("ttt", "alone")
    ]
    assert list(tested.values()) == pytest.approx([2 * raw[0], raw[1]])
    assert found["with it", "int4", "trits"].is_told and not found["without it", "trits", "int4"].is_told
    assert math.isnan(found["with it", "int4", "int6"].p) and found["with it", "int4", "int6"].is_told


def test_a_test_decides_also_against_what_the_seeds_one_by_one_would_say():
    wide = frame(a=[(0.60, 1), (0.61, 1), (0.62, 1)], b=[(0.641, 1), (0.66, 1), (0.68, 1)])
    two = {"trits": "a", "int4": "b"}
    assert [one.is_told for one in distances(two, {"without it": "alone"}, wide, 0.04)] == [True]
    assert [one.is_told for one in distances(two, {"without it": "alone"}, wide.iloc[:-1], 0.04)] == [False]


def test_by_what_runs_of_three_seeds_count_as_ahead_is_told():
    found = found_in(THREE)
    assert rule_in_words(found, 0.005) == (
        "BPB ahead: from the nearest to the furthest two seeds. p: Welch's two-sided test of runs of at least 3 seeds "
        "each, by Holm's method for all tests here. With fewer seeds a run counts as ahead where each of its seeds is "
        "ahead of each of the other's by more than any two seeds of one run are apart, 0.0050 BPB."
    )
    first = distances_table(found).cells.iloc[0]
    assert (first["seeds"], first["BPB ahead"], first["p"]) == ("3 and 3", "0.0106 to 0.0143", f"{found[0].p:.3f}")
    both = {"trits": "a", "int4": "b"}
    assert rule_in_words(found_in(THREE, both), 0.005).endswith("for all tests here.")


def test_one_seed_of_each_tells_nothing():
    found = found_in(frame(a=[(0.6, 0.5)], b=[(0.9, 0.8)]), {"trits": "a", "int4": "b"})
    assert distances_table(found).cells["told apart"].tolist() == ["no", "no"]
    assert rule_in_words(found, math.nan).endswith("than seeds of one run are apart; no run has two, so none does.")
    assert best_in_words(found).startswith("with it trits and int4 are too near to tell; without it")


def test_a_way_that_one_was_not_scored_in_compares_the_others():
    unscored = frame(a=[(0.6, 0.5), (0.601, 0.501)], b=[(0.9, math.nan)] * 2, c=[(0.7, 0.8)])
    pairs = [(one.way, one.better, one.worse) for one in found_in(unscored)]
    assert [pair for pair in pairs if pair[0] == "with it"] == [("with it", "trits", "int6")]
