"""The steps of training that submission.json states, read by the names of its fields."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tritgolf.audit.json_figures import JsonFigure, figures

# With any other word ("warmup", "ttt", "total", or "max" before it) it may be a limit, or steps of something else.
NAME = re.compile(
    r"(?:(?P<before>mean|avg|average)_)?(?:(?:train|training|completed|final|stop|stopped)_)*steps?"
    r"(?:_(?:stop|stopped|completed|trained))*(?:_(?P<behind>mean|avg|average|min|max))?"
)
LARGEST_GRAIN = 6  # zeros


@dataclass(frozen=True)
class StatedSteps:
    """Completed steps; ``summary``: "mean", "min" or "max" of runs, if the name says so.

    ``grain``: the largest power of ten that all figures of its name are multiples of, which they may be rounded to.
    """

    figure: JsonFigure
    summary: str
    grain: int

    def may_be(self, steps: int) -> bool:
        """Whether it can mean this count: counted from 0 or with a first one, or rounded."""
        difference = abs(self.figure.printed.value - steps)
        return difference <= 1 or difference < self.grain


def stated_steps(facts: dict[str, Any] | None) -> Iterator[StatedSteps]:
    """The steps of submission.json, of its own and by seed; 0 is none."""
    found = [figure for figure in figures(facts) if NAME.fullmatch(figure.name.lower()) and figure.printed.value > 0]
    for figure in found:
        of_its_name = [other.printed.value for other in found if other.name == figure.name]
        yield StatedSteps(figure, _summary(figure.name), _grain(of_its_name))


def _summary(name: str) -> str:
    match = NAME.fullmatch(name.lower())
    word = (match["before"] or match["behind"] or "") if match else ""
    return "mean" if word in ("avg", "average") else word


def _grain(values: list[float]) -> int:
    return max(10**zeros for zeros in range(LARGEST_GRAIN) if zeros == 0 or not any(v % 10**zeros for v in values))
