"""Which distances at full size seeds tell from chance: held to SciPy's and to figures by hand."""

import math

import pandas as pd
import pytest
from scipy import stats

from tritgolf.report.full_size_seeds import TEST, pairs_of, pooled_spread, seeds_in_words
from tritgolf.report.statistics import holm

RUNS = {"trits": "a", "int4": "b", "int6": "c"}
WAYS = {"with test-time training": "ttt", "without test-time training": "alone"}
NAN = math.nan


def rows(**scores):
    """A row a seed of each run: its scores without and with test-time training."""
    return [{"record": run, "run": run, "alone": x, "ttt": y} for run, of in scores.items() for x, y in of]


SEVERAL = rows(
    a=[(0.643, 0.6395), (0.645, 0.6421)],
    b=[(0.6464, 0.6293), (0.6465, 0.6293)],
    c=[(0.697, 0.6476)],
    d=[(0.75, NAN)] * 2,
)


def test_two_runs_of_equally_many_seeds_are_told_apart_as_by_students_test():
    frame = pd.DataFrame([row for row in SEVERAL if row["run"] in "ab"])
    [pair] = pairs_of({"trits": "a", "int4": "b"}, {"alone": "alone"}, frame)
    values = [frame.loc[frame["run"] == run, "alone"] for run in "ab"]
    assert pair.p == pytest.approx(stats.ttest_ind(*values).pvalue)
    assert (pair.better, pair.worse) == ("trits", "int4")


def test_a_run_of_one_seed_is_tested_by_the_others_spread():
    frame = pd.DataFrame(SEVERAL)
    assert pooled_spread(frame, "ttt") == (pytest.approx(math.sqrt((0.0026**2 / 2) / 2)), 2)
    assert pooled_spread(frame, "alone")[1] == 3
    alone = {(pair.better, pair.worse): pair.p for pair in pairs_of(RUNS, {"ttt": "ttt"}, frame)}
    error = math.sqrt(0.0026**2 / 4) * math.sqrt(1 / 2 + 1)
    by_hand = 2 * stats.t.sf((0.6476 - 0.6293) / error, 2)
    apart = [by_hand, 2 * stats.t.sf((0.6408 - 0.6293) / (error / math.sqrt(1.5)), 2)]
    apart.append(2 * stats.t.sf((0.6476 - 0.6408) / error, 2))
    assert list(alone) == [("int4", "trits"), ("int4", "int6"), ("trits", "int6")]
    assert list(alone.values()) == pytest.approx([holm(apart)[place] for place in (1, 0, 2)])


def test_what_is_significant_and_what_is_open_are_told_with_their_p():
    p = {(pair.way, pair.better, pair.worse): f"{pair.p:.3f}" for pair in pairs_of(RUNS, WAYS, pd.DataFrame(SEVERAL))}
    way, other = WAYS
    assert seeds_in_words(RUNS, WAYS, SEVERAL) == [
        "Seeds trained: 2 of trits, 2 of int4 and 1 of int6.",
        f"Significant {way}: int4 over trits (p {p[way, 'int4', 'trits']}) and int4 over int6 "
        f"(p {p[way, 'int4', 'int6']}).",
        f"**Open {way}: trits or int6 (p {p[way, 'trits', 'int6']}).**",
        f"Significant {other}: trits over int6 (p <0.001) and int4 over int6 (p <0.001).",
        f"**Open {other}: trits or int4 (p {p[other, 'trits', 'int4']}).**",
        TEST,
    ]


def test_where_seeds_tell_all_or_nothing_the_rest_is_not_said():
    far = rows(a=[(0.6, 0.5), (0.6001, 0.5001)], b=[(0.7, 0.7), (0.7001, 0.7001)])
    two = {"trits": "a", "int4": "b"}
    assert [said[:11] for said in seeds_in_words(two, WAYS, far)] == [
        "2 seeds of ",
        "Significant",
        "Significant",
        TEST[:11],
    ]
    near = rows(a=[(0.6, 0.5), (0.7, 0.6)], b=[(0.61, 0.51), (0.72, 0.62)])
    assert [said[:8] for said in seeds_in_words(two, WAYS, near)] == ["2 seeds ", "**Open w", "**Open w", TEST[:8]]


def test_one_seed_of_each_leaves_all_open_and_one_way_alone_may_be_tested():
    one = rows(a=[(0.6, 0.5)], b=[(0.7, 0.6)])
    two = {"trits": "a", "int4": "b"}
    assert seeds_in_words(two, WAYS, one) == [
        "One seed of each was trained.",
        "**Whether trits or int4 are better is open.**",
    ]
    more = [*one, *rows(d=[(0.75, NAN), (0.7501, NAN)])]
    assert seeds_in_words(two, WAYS, more)[1:3] == [
        "**Open with test-time training: trits or int4.**",
        "Significant without test-time training: trits over int4 (p <0.001).",
    ]
