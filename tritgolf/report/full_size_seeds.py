"""How far apart the seeds of runs at full size lie, and which runs they leave too near to tell: of the paper.

There are too few seeds for a test, and those of one run vary less than those of another. So seeds are compared one
by one: a run is ahead of another where each of its seeds is ahead of each of the other's, by more than any two seeds of
one run are apart.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import pandas as pd

from tritgolf.report.words import enumerated


class Distance(NamedTuple):
    """By how much the seeds of ``better`` are ahead of those of ``worse`` in one ``way``, the nearest and the furthest.

    ``is_told``: whether that is more than seeds of one run are apart.
    """

    better: str
    worse: str
    way: str
    least: float
    most: float
    is_told: bool

    @property
    def range(self) -> str:
        """``0.0101 to 0.0129``."""
        return " to ".join(dict.fromkeys(f"{by:.4f}".replace("-", "−") for by in (self.least, self.most)))


def distances(runs: Mapping[str, str], ways: Mapping[str, str], frame: pd.DataFrame, apart: float) -> list[Distance]:
    """Of every two of ``runs`` in each of the ``ways`` that both were scored in; those with the best first.

    ``runs``: what weights are called, and the run of ``frame`` that has them; ``ways``: what a way of scoring is
    called, and its column; ``apart``: of two seeds of one run.
    """
    found = []
    for way, column in ways.items():
        scores = {name: frame.loc[frame["run"] == run, column].dropna() for name, run in runs.items()}
        ranked = sorted((name for name, values in scores.items() if len(values)), key=lambda name: scores[name].mean())
        for better, worse in combinations(ranked, 2):
            least = scores[worse].min() - scores[better].max()
            most = scores[worse].max() - scores[better].min()
            found.append(Distance(better, worse, way, least, most, is_told=bool(least > apart)))
    return found


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
    said = [
        f"{told} These are too few for a test. A run counts as ahead where each of its seeds is ahead of each of the "
        f"other's by more than any two seeds of one run are apart, {apart:.4f} BPB."
    ]
    for way in _ways(found):
        of_it = [one for one in found if one.way == way]
        ahead = [f"{one.better} of {one.worse} by {one.range}" for one in of_it if one.is_told]
        near = [f"{one.better} and {one.worse} ({one.range})" for one in of_it if not one.is_told]
        parts = [f"ahead are {enumerated(ahead)}"] if ahead else []
        parts += [f"**too near to tell are {enumerated(near)}**"] if near else []
        said.append(f"{way[0].upper()}{way[1:]}, seed against seed: {'; '.join(parts)}.")
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
