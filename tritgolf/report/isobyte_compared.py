"""Ternary weights against the best others, a comparison at equal bytes a row: of the paper."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from tritgolf.report.experiment_settings import Isobyte
from tritgolf.report.isobyte_table import TERNARY, nearest_of_others, ranked_points
from tritgolf.report.rendering import Table
from tritgolf.report.statistics import LEVEL, format_p, format_value

CAPTION = (
    "Each row is one comparison at equal bytes, in several seeds; [all "
    "points](isobyte_tables.md#which-weights-at-equal-bytes). Equal text: each point at several lengths of training, "
    "of which the best is shown. Δ: BPB of the best ternary point minus that of the best other, positive where ternary "
    "is worse. p: Dunnett's one-sided test of all points against the best."
)


class Compared(NamedTuple):
    """What is compared, in equal what, its ``best`` point, and the best of the other sort: ternary, or not.

    ``records`` and ``bits``: of all its points.
    """

    experiment: Isobyte
    series: str
    best: dict[Any, Any]
    other: dict[Any, Any]
    records: frozenset[str]
    bits: frozenset[float]

    @property
    def points(self) -> set[str]:
        """The records of the two points."""
        return {self.best["record"], self.other["record"]}

    def surpasses(self, other: "Compared") -> bool:
        """Whether it has the two points of ``other``, and better ones."""
        return other.points <= self.records and not self.points <= other.records

    def repeats(self, before: "Compared") -> bool:
        """Whether both its points are those of ``before``, where worse ones stand beside them."""
        return self.points == before.points and self.best["artifact_bpb"] == before.best["artifact_bpb"]

    @property
    def is_told(self) -> bool:
        """Whether the two differ by more than noise."""
        return bool(self.other["p"] < LEVEL)

    @property
    def lost(self) -> bool:
        """Whether ternary weights are behind, by more than noise."""
        return self.is_told and bool(self.best["bits"] != TERNARY)

    @property
    def won(self) -> bool:
        """Whether they are ahead, by more than noise."""
        return self.is_told and not self.lost

    @property
    def ternary_over_other(self) -> float:
        """BPB of the best ternary point over the best other."""
        return float(self.other["over_best"]) * (-1 if self.best["bits"] == TERNARY else 1)


def compared_points(experiments: Sequence[tuple[Isobyte, pd.DataFrame]]) -> list[Compared]:
    """The comparisons of ternary points with others, in the order of experiments; those of one seed tell nothing.

    Of two with the same two points, the first.
    """
    found = [
        Compared(one, series, points[0], other, frozenset(frame["record"]), frozenset(p["bits"] for p in points))
        for one, frame in experiments
        for series, points in ranked_points(frame)
        if (other := nearest_of_others(points)) is not None and not math.isnan(other["p"])
    ]
    return [one for place, one in enumerate(found) if not any(map(one.repeats, found[:place]))]


def each_once(compared: Sequence[Compared]) -> list[Compared]:
    """Those that no other one surpasses, which has their two points and others that are better still."""
    return [found for found in compared if not any(other.surpasses(found) for other in compared)]


def compared_table(compared: Sequence[Compared]) -> Table:
    """A row a comparison."""
    cells = [
        {
            "comparison": found.experiment.title,
            "MB": f"{found.experiment.bytes / 1e6:g}",
            "equal": found.series,
            "best": str(found.best["what"]),
            "BPB": format_value(found.best["artifact_bpb"], 4),
            "Δ ternary": format_value(found.ternary_over_other, 4, signed=True),
            "p": format_p(found.other["p"]),
        }
        for found in compared
    ]
    return Table(
        "Ternary against others", pd.DataFrame(cells), pd.DataFrame(cells), (), left=("comparison", "equal", "best")
    )
