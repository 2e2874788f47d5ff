"""What tables are made of: columns of a seed's figures and cells that sum up several seeds, each with where it applies.

The columns themselves stand in ``seed_columns`` and beside the tables that show them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tritgolf.report.record_facts import RecordFacts
from tritgolf.report.runs import Run, SeedRun

BPB_DECIMALS, GAP_DECIMALS = 4, 6
WINDOWS = ("chunked", "sliding")  # the evaluation methods by which the network is scored as it is


def always(_: Run) -> bool:
    """What applies to every run."""
    return True


@dataclass(frozen=True)
class Column:
    """One figure of a seed.

    ``source``: its value, at full precision. ``heading``: what tables call it, "" for one that the CSV alone has;
    ``shown``: whether a run's tables show it. ``decimals``: None for words. ``mark``: the column of what is said
    beside the score where it is no valid one, "" for what no method makes.
    """

    name: str
    source: Callable[[Run, SeedRun], Any]
    heading: str = ""
    decimals: int | None = None
    signed: bool = False
    applies: Callable[[Run], bool] = always
    shown: Callable[[Run], bool] = always
    mark: str = ""


@dataclass(frozen=True)
class Cell:
    """A column of a table whose rows sum up several seeds: ``show`` prints the rows of a frame that one is made of."""

    heading: str
    show: Callable[[Run, pd.DataFrame], str]
    applies: Callable[[Run], bool] = always


def cells(run: Run, group: pd.DataFrame, columns: Iterable[Cell]) -> dict[str, str]:
    """One row of a table: heading → text, of the ``columns`` that apply to ``run``."""
    return {column.heading: column.show(run, group) for column in columns if column.applies(run)}


def marked(text: str, seeds: pd.DataFrame, mark: str) -> str:
    """A score's text, with what the column ``mark`` says of any of the ``seeds`` beside it."""
    marks = dict.fromkeys(each for each in seeds[mark] if isinstance(each, str) and each) if mark in seeds else {}
    return f"{text} ({', '.join(marks)})" if marks else text


def is_ternary(run: Run) -> bool:
    """Whether the run has ternary weights, by what its files say of zeros."""
    files = (file for seed in run.seeds for file in (*seed.exports.values(), *seed.laboratories.values(), *seed.log))
    return any(file.zeros is not None for file in files)


def has_temperature(run: Run) -> bool:
    """Whether a temperature was calibrated for a final artifact."""
    return any(seed.best_temperature is not None for seed in run.seeds)


def shown_windows(run: Run) -> str:
    """By which of ``WINDOWS`` tables show the network as it is: sliding ones before chunked; "" if it has neither."""
    evaluations = [found for seed in run.seeds for found in seed.evaluations.values()]
    kinds = [name for name in reversed(WINDOWS) if any(getattr(found, name) for found in evaluations)]
    return kinds[0] if kinds else ""


def slides(run: Run) -> bool:
    """Whether windows overlap in a score of the network as it is."""
    return shown_windows(run) == "sliding"


def adapts(run: Run) -> bool:
    """Whether methods besides windows of a fixed model scored it: what these take of time and code is counted too."""
    return bool(methods_of(run))


def methods_of(run: Run) -> list[str]:
    """The evaluation methods of the final artifacts besides windows, in order."""
    return list(dict.fromkeys(name for seed in run.seeds for name in seed.methods if name not in WINDOWS))


def pure_counting(facts: RecordFacts) -> str:
    """How a record's headline counts pure cross-entropy: the end of a column's name."""
    return "bpb_published_bytes" if facts.headline_bytes == "published" else "bpb"


def counting_of_weights(facts: RecordFacts) -> str:
    """The same of val and RT BPB, which may include the z-loss term; it goes with published bytes alone."""
    return "record_bpb" if facts.headline_z_loss else pure_counting(facts)
