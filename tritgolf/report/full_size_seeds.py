"""Which distances between runs at full size their seeds tell from chance, and which they leave open: of the paper."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import pandas as pd

from tritgolf.report.statistics import LEVEL, format_p, holm, students_p
from tritgolf.report.words import enumerated

TEST = "p: Student's t-test with one spread of all runs here that have several seeds, for each way of scoring, by Holm."


class Pair(NamedTuple):
    """Two sorts of weights scored in one ``way``, the better first. ``p``: of all pairs together; NaN: not tested."""

    better: str
    worse: str
    way: str
    p: float


def seeds_in_words(runs: Mapping[str, str], ways: Mapping[str, str], rows: Sequence[dict[str, Any]]) -> list[str]:
    """How many seeds the runs have, which of their distances these tell from chance, and which are open.

    ``runs``: what weights are called, and the run of ``rows`` that has them; ``ways``: what a way of scoring is called,
    and its column.
    """
    frame = pd.DataFrame(rows)
    pairs = pairs_of(runs, ways, frame)
    said = [_counted({name: int((frame["run"] == run).sum()) for name, run in runs.items()})]
    if all(math.isnan(pair.p) for pair in pairs):
        return [*said, f"**Whether {enumerated(runs, 'or')} are better is open.**"]
    for way in ways:
        told = [f"{pair.better} over {pair.worse}{_p(pair)}" for pair in pairs if pair.way == way and pair.p < LEVEL]
        untold = [
            f"{pair.better} or {pair.worse}{_p(pair)}" for pair in pairs if pair.way == way and not pair.p < LEVEL
        ]
        said += [f"Significant {way}: {enumerated(told)}."] if told else []
        said += [f"**Open {way}: {enumerated(untold)}.**"] if untold else []
    return [*said, TEST]


def _p(pair: Pair) -> str:
    return "" if math.isnan(pair.p) else f" (p {format_p(pair.p)})"


def _counted(seeds: Mapping[str, int]) -> str:
    """``Seeds trained: 2 of trits, 2 of int4 and 1 of int6.``"""
    if len(set(seeds.values())) == 1:
        count = next(iter(seeds.values()))
        return "One seed of each was trained." if count == 1 else f"{count} seeds of each were trained."
    return f"Seeds trained: {enumerated(f'{count} of {name}' for name, count in seeds.items())}."


def pairs_of(runs: Mapping[str, str], ways: Mapping[str, str], frame: pd.DataFrame) -> list[Pair]:
    """Every two of ``runs`` in each of the ``ways`` that both were scored in."""
    pairs = []
    for way, column in ways.items():
        scores = {name: frame.loc[frame["run"] == run, column].dropna() for name, run in runs.items()}
        ranked = sorted((name for name, values in scores.items() if len(values)), key=lambda name: scores[name].mean())
        spread, degrees = pooled_spread(frame, column)
        for better, worse in combinations(ranked, 2):
            one, other = scores[better], scores[worse]
            error = spread * math.sqrt(1 / len(one) + 1 / len(other))
            pairs.append(Pair(better, worse, way, students_p(other.mean() - one.mean(), error, degrees)))
    together = iter(holm([pair.p for pair in pairs if not math.isnan(pair.p)]))
    return [pair if math.isnan(pair.p) else pair._replace(p=next(together)) for pair in pairs]


def pooled_spread(frame: pd.DataFrame, column: str) -> tuple[float, int]:
    """Standard deviation of one seed within its run, of all runs that have several, and its degrees of freedom.

    NaN and 0 where none has.
    """
    seeds = [values for _, of_run in frame.groupby(["record", "run"]) if len(values := of_run[column].dropna()) > 1]
    degrees = sum(len(values) - 1 for values in seeds)
    if degrees == 0:
        return math.nan, 0
    return math.sqrt(sum((len(values) - 1) * values.var() for values in seeds) / degrees), degrees
