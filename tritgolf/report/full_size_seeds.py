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

from tritgolf.report.statistics import LEVEL, format_p, format_value, holm, mean, sample_std, welch
from tritgolf.report.words import enumerated

SEEDS_FOR_A_TEST = 3


class Distance(NamedTuple):
    """By how much the seeds of ``better`` are ahead of those of ``worse`` in one ``way``, the nearest and the furthest.

    ``p``: of Welch's two-sided test, NaN where one has too few seeds. ``is_told``: whether the test tells them apart;
    without one, whether they are further apart than seeds of one run.
    """

    better: str
    worse: str
    way: str
    least: float
    most: float
    p: float
    is_told: bool

    def decided_by(self, p: float) -> "Distance":
        """The same by a test's ``p``."""
        return self._replace(p=p, is_told=p < LEVEL)

    @property
    def range(self) -> str:
        """``0.0101 to 0.0129``."""
        return " to ".join(dict.fromkeys(format_value(by, 4) for by in (self.least, self.most)))

    @property
    def tested(self) -> list[str]:
        """``p = 0.012``, where there is a test."""
        return [] if math.isnan(self.p) else [f"p = {format_p(self.p)}"]

    def in_words(self) -> str:
        """Which is ahead of which, or that they are too near to tell; by how much, and p."""
        if self.is_told:
            return " ".join([f"{self.better} of {self.worse} by {self.range}", *(f"({p})" for p in self.tested)])
        return f"{self.better} and {self.worse} ({', '.join([self.range, *self.tested])})"


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
            found.append(Distance(better, worse, way, least, most, p, is_told=least > apart))
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


def seeds_in_words(seeds: Mapping[str, int], apart: float, found: Sequence[Distance]) -> list[str]:
    """How many ``seeds`` each has, by how much which is ahead, and which are too near to tell."""
    told = f"Seeds trained: {enumerated(f'{count} of {name}' for name, count in seeds.items())}."
    if math.isnan(apart):
        return [told, "No run has two, so how far seeds are apart is not known."]
    said = [f"{told} {_rule(found, apart)}"]
    for way in _ways(found):
        of_it = [one for one in found if one.way == way]
        ahead = [one.in_words() for one in of_it if one.is_told]
        near = [one.in_words() for one in of_it if not one.is_told]
        parts = [f"ahead are {enumerated(ahead)}"] if ahead else []
        parts += [f"**too near to tell are {enumerated(near)}**"] if near else []
        said.append(f"{way[0].upper()}{way[1:]}, seed against seed: {'; '.join(parts)}.")
    return said


def _rule(found: Sequence[Distance], apart: float) -> str:
    """By what a run counts as ahead of another."""
    by_seeds = (
        "run counts as ahead where each of its seeds is ahead of each of the other's by more than any two seeds of one "
        f"run are apart, {apart:.4f} BPB."
    )
    tests = sum(not math.isnan(one.p) for one in found)
    if not tests:
        return f"These are too few for a test. A {by_seeds}"
    tested = f"Runs of at least {SEEDS_FOR_A_TEST} seeds each are compared by Welch's two-sided test, with Holm's p."
    return tested if tests == len(found) else f"{tested} With fewer seeds a {by_seeds}"


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
