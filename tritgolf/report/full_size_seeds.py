"""How far apart the seeds of runs at full size lie, and which runs they leave too near to tell: of the paper.

Seeds of one run vary less than those of another, so two runs of at least three seeds each are compared by Welch's test.
With fewer, seeds are compared one by one: a run is ahead of another where each of its seeds is ahead of each of the
other's, by more than any two seeds of one run are apart.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import pandas as pd

from tritgolf.report.rendering import Table
from tritgolf.report.statistics import LEVEL, format_p, format_value, holm, mean, sample_std, welch
from tritgolf.report.words import enumerated

SEEDS_FOR_A_TEST = 3
UNKNOWN = ", by more than seeds of one run are apart; no run has two, so none does."


class Distance(NamedTuple):
    """By how much the seeds of ``better`` are ahead of those of ``worse`` in one ``way``, the nearest and the furthest.

    ``seeds``: how many each has. ``p``: of Welch's two-sided test, NaN where one has too few seeds. ``is_told``:
    whether the test tells them apart; without one, whether they are further apart than seeds of one run.
    """

    better: str
    worse: str
    way: str
    seeds: tuple[int, int]
    least: float
    most: float
    p: float
    is_told: bool

    def decided_by(self, p: float) -> "Distance":
        """The same by a test's ``p``."""
        return self._replace(p=p, is_told=p < LEVEL)


def distances(runs: Mapping[str, str], ways: Mapping[str, str], frame: pd.DataFrame, apart: float) -> list[Distance]:
    """Of every two of ``runs`` in each of the ``ways`` that both were scored in; those with the best first.

    ``runs``: what weights are called, and the run of ``frame`` that has them; ``ways``: what a way of scoring is
    called, and its column; ``apart``: of two seeds of one run.
    """
    found = []
    for way, column in ways.items():
        scores = {name: frame.loc[frame["run"] == run, column].dropna().tolist() for name, run in runs.items()}
        ranked = sorted((name for name, values in scores.items() if values), key=lambda name: mean(scores[name]))
        for better, worse in combinations(ranked, 2):
            least = min(scores[worse]) - max(scores[better])
            most = max(scores[worse]) - min(scores[better])
            p = _p_apart(scores[better], scores[worse])
            seeds = (len(scores[better]), len(scores[worse]))
            found.append(Distance(better, worse, way, seeds, least, most, p, is_told=least > apart))
    return _tested_together(found)


def _p_apart(better: Sequence[float], worse: Sequence[float]) -> float:
    """Of Welch's two-sided test; NaN where one has too few values."""
    spreads, counts = (sample_std(worse), sample_std(better)), (len(worse), len(better))
    if min(counts) < SEEDS_FOR_A_TEST:
        return math.nan
    return min(1.0, 2 * welch(mean(worse) - mean(better), spreads, counts)[2])


def _tested_together(found: Sequence[Distance]) -> list[Distance]:
    together = iter(holm([one.p for one in found if not math.isnan(one.p)]))
    return [one if math.isnan(one.p) else one.decided_by(next(together)) for one in found]


def seeds_apart(frame: pd.DataFrame, columns: Iterable[str]) -> float:
    """How far two seeds of one run are apart at most, in any of the columns; NaN where no run has two."""
    scores = frame.groupby("run")[list(columns)]
    apart = (scores.max() - scores.min())[scores.count() > 1]
    return float(apart.max().max())


def distances_table(found: Sequence[Distance]) -> Table:
    """A row for every two in each way."""
    cells = [
        {
            "scored": one.way,
            "better": one.better,
            "worse": one.worse,
            "seeds": f"{one.seeds[0]} and {one.seeds[1]}",
            "BPB ahead": " to ".join(dict.fromkeys(format_value(by, 4) for by in (one.least, one.most))),
            "p": format_p(one.p),
            "told apart": "yes" if one.is_told else "no",
        }
        for one in found
    ]
    frame = pd.DataFrame([one._asdict() for one in found])
    return Table("Seeds at full size", frame, pd.DataFrame(cells), (), left=("scored", "better", "worse"))


def rule_in_words(found: Sequence[Distance], apart: float) -> str:
    """What the table has, and by what a run counts as ahead of another."""
    said = "BPB ahead: from the nearest to the furthest two seeds."
    tested = [one for one in found if not math.isnan(one.p)]
    if tested:
        least = f"at least {SEEDS_FOR_A_TEST} seeds each"
        said += f" p: Welch's two-sided test of runs of {least}, by Holm's method for all tests here."
    if len(tested) < len(found):
        of_others = "With fewer seeds a run" if tested else "There are too few seeds for a test. A run"
        rule = "counts as ahead where each of its seeds is ahead of each of the other's"
        known = f"by more than any two seeds of one run are apart, {apart:.4f} BPB"
        said += f" {of_others} {rule}{f' {known}.' if not math.isnan(apart) else UNKNOWN}"
    return said


def best_in_words(found: Sequence[Distance]) -> str:
    """Which weights are best in each way, or which are too near to the best to tell."""
    said = []
    for way in _ways(found):
        best = next(distance.better for distance in found if distance.way == way)
        near = [one.worse for one in found if one.way == way and one.better == best and not one.is_told]
        told = f"{enumerated([best, *near])} are too near to tell" if near else f"the best are {best}"
        said.append(f"{way} {told}")
    return "; ".join(said)


def _ways(found: Sequence[Distance]) -> list[str]:
    return list(dict.fromkeys(distance.way for distance in found))
