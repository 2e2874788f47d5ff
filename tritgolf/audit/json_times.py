"""The times that submission.json states, of training and of evaluation: read by the words of a field's name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tritgolf.audit.column_titles import words
from tritgolf.audit.intervals import Printed
from tritgolf.audit.json_facts import every_row, printed_of, seed_of, seed_results
from tritgolf.audit.scores import agrees

Clock = Literal["training", "evaluation"]
UNITS = {"ms": 1e-3, "s": 1.0, "sec": 1.0, "secs": 1.0, "seconds": 1.0, "minutes": 60.0}
SUMMARIES = words("mean avg average max min")
# Any other word ("ppm", "gptq", "reserve", "cap") may make it a time of something that no log counts on its own.
TIMED = words("time wallclock total")
OF_TRAINING = words("train training")
OF_EVALUATION = words("eval evaluation ttt")
BY_SEED = re.compile(r"_(?:by|per)_seed$")  # a field with a time for each seed


@dataclass(frozen=True)
class StatedTime:
    """A time of a field: of which clock, of which seed's run (None: of the submission), ``unit`` in seconds.

    ``score``: that of its seed, where one is stated. ``is_summary``: whether its name says that it is a mean, or the
    largest or smallest, of runs.
    """

    name: str
    seed: int | None
    clock: Clock
    printed: Printed
    unit: float
    is_summary: bool
    score: Printed | None = None

    def is_of(self, seconds: float) -> bool:
        """Whether it can be so many seconds, at the precision that it is stated in."""
        return agrees(self.printed, seconds / self.unit)

    @property
    def seconds(self) -> float:
        """The time in seconds."""
        return self.printed.value * self.unit

    @property
    def is_measured(self) -> bool:
        """Whether it is no whole number of seconds, as limits and rough figures are."""
        return round(self.seconds * 1000) % 1000 != 0

    def __str__(self) -> str:
        return f"{self.name} {self.printed}" + (f" of seed {self.seed}" if self.seed is not None else "")


def stated_times(facts: dict[str, Any] | None) -> Iterator[StatedTime]:
    """The times of submission.json: its own, those in a field by seed, those beside the scores of its seeds."""
    rows = seed_results(facts)
    for name, value in (facts or {}).items():
        yield from _read(name, value)
        if BY_SEED.search(name) and isinstance(value, dict):
            times = ((seed_of(key), time) for key, time in value.items())
            yield from (time for seed, each in times if seed is not None
                        for time in _read(BY_SEED.sub("", name), each, seed, rows.get(seed)))  # fmt: skip
    for seed, row in every_row(facts):
        for name, value in row.items():
            yield from _read(name, value, seed, row)


def _read(name: str, value: object, seed: int | None = None, row: dict[str, Any] | None = None) -> Iterator[StatedTime]:
    """The time of a field; nothing where a word of its name is unknown, or it has no unit. ``row``: of its seed."""
    parts = name.lower().split("_")
    units = [UNITS[part] for part in parts if part in UNITS]
    clock, printed = _clock({*parts} - UNITS.keys() - SUMMARIES), printed_of(value)
    if clock and len(units) == 1 and printed and printed.value > 0:
        score = printed_of((row or {}).get("val_bpb"))
        yield StatedTime(name, seed, clock, printed, units[0], bool(SUMMARIES & {*parts}), score)


def _clock(kept: set[str]) -> Clock | None:
    """Which clock the words of a name are of; "wallclock" alone is that of training, which the contest limits."""
    if kept <= TIMED | OF_TRAINING and (kept & OF_TRAINING or kept == {"wallclock"}):
        return "training"
    return "evaluation" if kept <= TIMED | OF_EVALUATION and kept & OF_EVALUATION else None
