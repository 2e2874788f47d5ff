"""The times that submission.json states, of training and of evaluation: read by the words of a field's name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tritgolf.audit.column_titles import words
from tritgolf.audit.json_figures import JsonFigure, figures
from tritgolf.audit.scores import agrees

Clock = Literal["training", "evaluation"]
UNITS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "minutes": 60.0}
SUMMARIES = words("mean avg average max min")
# Any other word ("ppm", "gptq", "reserve", "cap") may make it a time of something that no log counts on its own.
TIMED = words("time wallclock total")
OF_TRAINING = words("train training")
OF_EVALUATION = words("eval evaluation ttt")


@dataclass(frozen=True)
class StatedTime:
    """A time: of which clock, with its ``unit`` in seconds.

    ``is_summary``: whether its name says that it is a mean, or the largest or smallest, of runs.
    """

    figure: JsonFigure
    clock: Clock
    unit: float
    is_summary: bool

    def is_of(self, seconds: float) -> bool:
        """Whether it can be so many seconds, at the precision that it is stated in."""
        return agrees(self.figure.printed, seconds / self.unit)

    @property
    def seconds(self) -> float:
        """The time in seconds."""
        return self.figure.printed.value * self.unit

    @property
    def is_measured(self) -> bool:
        """Whether it is no whole number of seconds, as limits and rough figures are."""
        return round(self.seconds * 1000) % 1000 != 0


def stated_times(facts: dict[str, Any] | None) -> Iterator[StatedTime]:
    """The times of submission.json; none where a word of a field's name is unknown, or it has no unit."""
    for figure in figures(facts):
        parts = figure.name.lower().split("_")
        units = [UNITS[part] for part in parts if part in UNITS]
        clock = _clock({*parts} - UNITS.keys() - SUMMARIES)
        if clock and len(units) == 1 and figure.printed.value > 0:
            yield StatedTime(figure, clock, units[0], bool(SUMMARIES & {*parts}))


def _clock(kept: set[str]) -> Clock | None:
    """Which clock the words of a name are of; "wallclock" alone is that of training, which the contest limits."""
    if kept <= TIMED | OF_TRAINING and (kept & OF_TRAINING or kept == {"wallclock"}):
        return "training"
    return "evaluation" if kept <= TIMED | OF_EVALUATION and kept & OF_EVALUATION else None
